"""A process whose mounts and processes are its own and end with it, however it ends: the kernel
unmounts, and lets go of the loop devices. Nothing is left of it but an empty folder, and that only
if somebody kills the parent too."""

import ctypes
import os
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
PR_SET_PDEATHSIG = 1


class Unavailable(Exception):
    """This machine does not let a test do what is needed."""


def _need(result, what):
    if result != 0:
        raise Unavailable(f"{what}: {os.strerror(ctypes.get_errno())}")


def _child(libc, work, folder):
    """Process 1 of its namespace."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _need(libc.unshare(CLONE_NEWNS), "no mount namespace")
    _need(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mounts of its own")
    _need(libc.mount(b"proc", b"/proc", b"proc", 0, None), "a /proc of its own")
    return work(folder)


def run_apart(work):
    """work(folder) there, with an empty folder to mount in; returns the exit status that it
    returned. 2 when it ended by an exception. Whoever ends this process ends that one."""
    libc = ctypes.CDLL(None, use_errno=True)
    _need(libc.unshare(CLONE_NEWPID), "no process namespace")
    folder = Path(tempfile.mkdtemp(prefix="mailroot-power-"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    child = os.fork()
    if child == 0:
        status = 2
        try:
            status = _child(libc, work, folder)
        except BaseException:  # it must not return into what the parent does
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
