"""What a contender takes of a processor."""

import resource


def cpu_seconds() -> float:
    """Seconds of CPU that this process has used, all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
