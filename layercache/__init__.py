"""layercache: what a container registry must otherwise ask its storage."""

from layercache.cache import Lease, LayerInfoCache, LayerInfoSource
from layercache.context import Context, background
