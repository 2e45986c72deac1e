"""The processes that this one has started, and that still run or that nobody has waited for."""

import os

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024

# Where /proc/…/stat has them, counted from the state: the parent, four times of the processor, the pages in memory.
_PARENT, _TIMES, _PAGES = 1, slice(11, 15), 21


def usage():
    """Their processor time in seconds, and the memory of the largest in KB."""
    processes = dict(_processes())
    family, seconds, most_kb = [os.getpid()], 0.0, 0
    for parent in family:
        for process, fields in processes.items():
            if int(fields[_PARENT]) == parent:
                family.append(process)
                seconds += sum(map(int, fields[_TIMES])) / _TICKS
                most_kb = max(most_kb, int(fields[_PAGES]) * _PAGE_KB)
    return seconds, most_kb


def _processes():
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    # The name of the program, in parentheses, may hold anything.
                    yield int(name), stat.read().rpartition(b")")[2].split()
            except OSError:
                # It has ended.
                pass
