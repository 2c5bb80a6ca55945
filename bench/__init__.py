"""The benchmarks, each a module to be run. Where a peer is missing, it is said how it is installed."""

import sys

from bench.peers import say_what_to_install

# Here, since it stands before every import of every benchmark, and of every worker that one starts.
sys.excepthook = say_what_to_install
