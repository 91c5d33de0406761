"""Starts a program, passes signals on to it, leaves nothing of it running.

`keeper.py BASE HIDDEN HOSTS COUNT SHOWN ... PROGRAM ...`, with as many folders SHOWN as COUNT says.

Standard input carries the orders of whoever started it: each byte is a signal for the program's group. When it ends,
because the starter closed it or died, whatever the program has started is killed, wherever it has hidden itself. The
keeper ends as the program did: with its exit code, or by its signal.

With a BASE, the program and all it starts live in Linux namespaces of their own: BASE is their `/opt/ml`, the folder
HIDDEN is empty, the file HOSTS is their `/etc/hosts`, each folder SHOWN, which may lie in HIDDEN, is `/opt/ml/shown/0`
and so on, they see no process but theirs, and Linux ends them with the first of them. Without one (the empty word) the
keeper is the subreaper that inherits orphans, and kills them itself.
See namespaces(7) and prctl(2).

It runs as a script in a bare interpreter and imports little, so that a job starts in a few milliseconds.
"""
# Without pathlib, which takes longer to import than all else here.
# ruff: noqa: PTH102, PTH112, PTH120, PTH123, PTH208, PTH211

import _thread
import contextlib
import ctypes
import os
import sys
import time

# From <linux/sched.h>, <linux/mount.h>, <linux/prctl.h> and <signal.h>.
_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 1, 2, 4, 8, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36
_SIGINT, _SIGKILL, _SIGPIPE, _SIGTERM, _SIGXFSZ = 2, 9, 13, 15, 25
_SIG_DFL, _SIG_IGN = None, ctypes.c_void_p(1)
_CANNOT_RUN = 127  # a shell's exit code for a program that is not there

_ORDERS = 0
_OPT_ML = "/opt/ml"
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Run the program and end as it did."""
    base, hidden, hosts, count, *words = sys.argv[1:]
    shown, command = words[: int(count)], words[int(count) :]
    for number in (_SIGINT, _SIGTERM):  # they are the program's; the keeper ends with its orders
        _libc.signal(number, _SIG_IGN)
    if base:
        try:
            _enter_namespaces()
            _arrange_files(base, hidden, hosts, shown)
            status = _within_processes_of_its_own(command)
        except OSError as error:
            sys.exit(f"Cannot show {base} as {_OPT_ML}: {error}")
    else:
        if sys.platform == "linux":
            _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        status = _run(command)
        _end_orphans()
    _end_as(status)


def _enter_namespaces() -> None:
    """Leave the machine's mounts and processes; a plain user needs a user namespace for it, as that same user."""
    user, group = os.geteuid(), os.getegid()
    try:
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWPID)
    except PermissionError:
        _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS | _CLONE_NEWPID)
        for name, line in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)


def _arrange_files(base: str, hidden: str, hosts: str, shown: list[str]) -> None:
    folder, *others = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (base, *shown)]
    if hosts:
        _bind(hosts, "/etc/hosts")
    if hidden:
        _mount("none", hidden, "tmpfs", _MS_RDONLY | _MS_NOSUID | _MS_NODEV, b"size=4k,mode=755")
    if not os.path.isdir(_OPT_ML):
        _make_opt_ml()
    _bind(f"/proc/self/fd/{folder}", _OPT_ML)
    for number, other in enumerate(others):
        _bind(f"/proc/self/fd/{other}", f"{_OPT_ML}/shown/{number}")
    if os.path.isdir("/dev/shm"):  # noqa: S108 - what jobs forget there should go with them
        _mount("none", "/dev/shm", "tmpfs", _MS_NOSUID | _MS_NODEV, b"mode=1777")  # noqa: S108
    os.chdir(_OPT_ML)


def _make_opt_ml() -> None:
    """Put a folder in the place of `/opt` that shows what is in it, and `ml`; the machine's own stays as it is."""
    opt = os.path.dirname(_OPT_ML)
    before = os.open(opt, os.O_RDONLY | os.O_DIRECTORY)
    _mount("none", opt, "tmpfs", _MS_NOSUID | _MS_NODEV, b"size=16m,mode=755")
    for entry in os.scandir(before):
        source, target = f"/proc/self/fd/{before}/{entry.name}", f"{opt}/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.name, dir_fd=before), target)
            continue
        if entry.is_dir():
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT))
        _bind(source, target)
    os.mkdir(_OPT_ML)


def _within_processes_of_its_own(command: list[str]) -> int:
    """Run the program below the first process of the new namespace, which Linux kills together with the last keeper.

    Returns:
        its wait status.
    """
    reader, writer = os.pipe()
    first = os.fork()
    if first == 0:
        _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL)
        try:
            _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
            os.write(writer, b"%d" % _run(command))
        except OSError as error:
            os.write(2, f"Cannot show the program its own processes: {error}\n".encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(first, 0)
    return int(os.read(reader, 16) or _SIGKILL)


def _run(command: list[str]) -> int:
    """Run the program in a session of its own, obeying orders; returns its wait status."""
    started, starting = os.pipe()
    program = os.fork()
    if program == 0:
        _become(command)
    os.close(starting)
    os.read(started, 1)  # ends when the program is there to take signals
    _thread.start_new_thread(_obey, (program,))
    while True:
        ended, status = os.wait()
        if ended == program:
            return status


def _become(command: list[str]) -> None:
    os.setsid()
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    for number in (_SIGINT, _SIGPIPE, _SIGTERM, _SIGXFSZ):  # what Python or this script ignores, the program need not
        _libc.signal(number, _SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), _ORDERS)
    try:
        os.execvp(command[0], command)  # noqa: S606 - running the program is the purpose
    except OSError as error:
        where = f" It is looked for in {os.environ['PATH']}." if "/" not in command[0] else ""
        os.write(2, f"Cannot run '{command[0]}': {error.strerror}.{where}\n".encode())
        os._exit(_CANNOT_RUN)


def _obey(program: int) -> None:
    with contextlib.suppress(OSError):
        while order := os.read(_ORDERS, 1):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program, order[0])
    with contextlib.suppress(ProcessLookupError):
        os.kill(program, _SIGKILL)  # the rest follows when the main thread notices


def _end_orphans() -> None:
    """Kill all descendants until there are none; each that dies leaves its children to the subreaper."""
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        for descendant in _descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(descendant, _SIGKILL)
        time.sleep(0.002)


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
            parent = int(file.read().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found = [os.getpid()]
    for process in found:  # it grows meanwhile
        found += children.get(process, [])
    return found[1:]


def _end_as(status: int) -> None:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if sys.platform == "linux":
            _libc.prctl(_PR_SET_DUMPABLE, 0)  # the program's own core is enough
        _libc.signal(-code, _SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def _bind(source: str, target: str) -> None:
    _mount(source, target, None, _MS_BIND | _MS_REC)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: bytes | None = None) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    _call("mount", *words, ctypes.c_ulong(flags), options, about=target)


def _call(name: str, *arguments: object, about: str | None = None) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", about)


main()
