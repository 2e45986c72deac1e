"""What an execution uses: processor time, and memory."""

import os
import resource
import time


class Usage:
    """What is used from now on."""

    def __init__(self):
        self._seconds_before = _measured()[0]

    def figures(self):
        """Processor time in milliseconds, and the most memory that one process has had so far, in MB.

        Both count this process and its descendants that it has waited for or that still run.
        """
        seconds, most_kb = _measured()
        spent = max(0.0, seconds - self._seconds_before)
        return round(spent * 1000, 3), -(-max(most_kb, _own_peak_kb()) // 1024)


def _measured():
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.process_time() + ended.ru_utime + ended.ru_stime
    if not _has_children():
        return seconds, ended.ru_maxrss
    try:
        from . import descendants

        their_seconds, their_kb = descendants.usage()
    except OSError:
        # The function has used all descriptors up.
        their_seconds, their_kb = 0.0, 0
    return seconds + their_seconds, max(ended.ru_maxrss, their_kb)


def _own_peak_kb():
    try:
        # Not `ru_maxrss`: that also counts the process that this one was forked from.
        with open("/proc/self/status", "rb") as status:
            return int(status.read().partition(b"VmHWM:")[2].split(None, 1)[0])
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _has_children():
    try:
        # One call, where all of /proc would have to be read.
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
