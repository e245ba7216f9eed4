"""The machine whose power is cut: a file system on a loop device, over the recording disk or over
a plain image. All of it is in a tmpfs, in a mount namespace of its own (apart.py)."""

import os
import signal
import subprocess

from apart import Unavailable

IMAGE_BYTES = 1 << 30
TMPFS_OPTIONS = "size=6g,mode=755"
# How each is made and mounted. Copies of an image have the same UUID, which xfs would refuse while
# another is mounted.
FILE_SYSTEMS = {
    "ext4": (["mkfs.ext4", "-q", "-F"], []),
    "xfs": (["mkfs.xfs", "-q", "-f"], ["nouuid"]),
    "btrfs": (["mkfs.btrfs", "-q", "-f"], []),
}


class NotMounted(Exception):
    """A file system that should have come back did not."""


def run(*command):
    return subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, errors="replace", check=False)


def need(*command):
    """It must work, or such tests cannot be run here."""
    try:
        result = run(*command)
    except FileNotFoundError:
        raise Unavailable(f"there is no {command[0]}") from None
    if result.returncode != 0:
        raise Unavailable(f"{command[0]}: {result.stderr.strip() or result.stdout.strip()}")


class Machine:
    """`mount_point` is where the file system appears, while there is power."""

    def __init__(self, folder, file_system, disk_program):
        self.folder, self.file_system, self.disk_program = folder, file_system, disk_program
        self.make, self.options = FILE_SYSTEMS[file_system]
        need("mount", "-t", "tmpfs", "-o", TMPFS_OPTIONS, "power-cuts", folder)
        self.mount_point, self.fuse = folder / "mounted", folder / "fuse"
        self.journal, self.medium = folder / "journal", folder / "now"
        for directory in (self.mount_point, self.fuse):
            directory.mkdir()
        self.disk = None
        self._try_mounting(folder / "base")

    def _try_mounting(self, image):
        """Later, what is not mounted is wrong."""
        self.format(image)
        try:
            self.mount(image)
        except NotMounted as error:
            raise Unavailable(str(error)) from None
        self.unmount()

    def format(self, image):
        """A new file system; holes where nothing is, so that copies are cheap."""
        image.unlink(missing_ok=True)
        image.touch()
        os.truncate(image, IMAGE_BYTES)
        need(*self.make, image)
        need("fallocate", "--dig-holes", image)

    @staticmethod
    def copy(image, to):
        if run("cp", "--sparse=auto", image, to).returncode != 0:
            raise OSError(f"cannot copy {image} to {to}")

    def mount(self, image):
        options = ",".join(["loop", *self.options])
        result = run("mount", "-t", self.file_system, "-o", options, image, self.mount_point)
        if result.returncode != 0:
            raise NotMounted(result.stderr.strip())

    def unmount(self):
        """Of something still in use: what is there is of no interest any more."""
        if run("umount", self.mount_point).returncode != 0:
            run("umount", "--lazy", self.mount_point)
        if self.file_system == "btrfs":  # it would remember the device by its UUID
            run("btrfs", "device", "scan", "--forget")

    def record(self, image):
        """Mount a copy of it on the recording disk."""
        self.copy(image, self.medium)
        self.disk = subprocess.Popen(
            [self.disk_program, self.medium, self.journal, self.fuse], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        if self.disk.stdout.readline() != "ready\n":
            raise Unavailable(f"no file system by FUSE: {self.disk.stderr.read().strip()}")
        self.mount(self.fuse / "disk")

    def now(self):
        """The place in the journal that is written next: the clock of it all."""
        return os.stat(self.journal).st_size

    def stop_recording(self):
        """The journal stays."""
        self.unmount()
        self.disk.send_signal(signal.SIGTERM)
        self.disk.communicate()
        self.disk = None
