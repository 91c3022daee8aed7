#!/usr/bin/env python3
"""`busbar image build`: what is on a card, that the same makes the same bytes, and what is refused. Debian's packages come once, into
build/image. test_whole_board.py starts what is made here."""
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

from neighbourhood import BIN, board_file

BUILD = BIN.parent.parent
FIRMWARE = BUILD / "armhf/bin/busbar-node"
SECTOR = 512


def build(*arguments, env=None, **options):
    environment = {**os.environ, "BUSBAR_CACHE": str(BUILD / "image"), **(env or {})}
    return subprocess.run([BIN / "busbar", "image", "build", *map(str, arguments)], env=environment, capture_output=True, text=True,
                          timeout=300, check=False, **options)


def partitions(image):
    """(bootable, type, first sector, sectors) of the four entries of the boot record."""
    table = image[446:510]
    return [(entry[0] == 0x80, entry[4], *struct.unpack("<II", entry[8:])) for entry in (table[i:i + 16] for i in range(0, 64, 16))]


def archive(data):
    """The members of a cpio archive (newc): name, mode, bytes."""
    members, at = {}, 0
    while True:
        fields = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[at + 110:at + 110 + length - 1].decode()
        body = (at + 110 + length + 3) & ~3
        if name == "TRAILER!!!":
            return members
        members[name] = (mode, fields[2], data[body:body + size])
        at = (body + size + 3) & ~3


@unittest.skipUnless(FIRMWARE.exists(), "the preset armhf is not built")
class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="bb-image-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.path = cls.folder / "card.img"
        cls.built = build("--board", "cubietruck", "--output", cls.path)
        assert cls.built.returncode == 0, cls.built.stderr
        cls.image = cls.path.read_bytes()
        boot, _, first, count = partitions(cls.image)[0]
        cls.fat = cls.folder / "fat"
        cls.fat.write_bytes(cls.image[first * SECTOR:(first + count) * SECTOR])

    def file(self, name):
        return subprocess.run(["mtype", "-i", self.fat, f"::/{name}"], capture_output=True, check=True).stdout

    def test_the_card_has_two_partitions_and_a_first_stage(self):
        self.assertEqual(len(self.image), 16 << 20)
        self.assertEqual(self.image[510:512], b"\x55\xaa")
        self.assertEqual(partitions(self.image), [(True, 0x0e, 2048, 20480), (False, 0xda, 22528, 8192), (False, 0, 0, 0), (False, 0, 0, 0)])
        # What the processor's own program looks for at 8 KiB, its length and its sum.
        self.assertEqual(self.image[8196:8204], b"eGON.BT0")
        total, length = struct.unpack("<II", self.image[8204:8212])
        words = struct.unpack(f"<{length // 4}I", self.image[8192:8192 + length])
        self.assertEqual((sum(words) - total + 0x5F0A6C39) & 0xFFFFFFFF, total)

    def test_the_fat_partition_is_sound_and_holds_what_u_boot_asks_for(self):
        checked = subprocess.run(["/usr/sbin/fsck.vfat", "-n", self.fat], capture_output=True, text=True, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertEqual(self.file("zImage")[0x24:0x28], bytes.fromhex("18286f01"))
        self.assertEqual(self.file("sun7i-a20-cubietruck.dtb")[:4], bytes.fromhex("d00dfeed"))
        conf = self.file("extlinux/extlinux.conf").decode()
        for line in ("kernel /zImage", "initrd /initrd.gz", "fdtdir /"):
            self.assertIn(f"  {line}\n", conf)
        append = next(line for line in conf.splitlines() if line.startswith("  append "))
        for word in ("busbar.tty=/dev/ttyS0", "busbar.card=/dev/mmcblk0p2", "busbar.watchdog=16", "console=tty0"):
            self.assertIn(word, append.split())
        self.assertNotIn("console=ttyS0", append, "the link would be the kernel's console")

    def test_u_boot_keeps_its_environment_without_the_countdown(self):
        environment = self.file("uboot.env")
        self.assertEqual(len(environment), 0x10000)
        self.assertEqual(struct.unpack("<I", environment[:4])[0], zlib.crc32(environment[4:]))
        values = dict(item.split("=", 1) for item in environment[4:environment.index(b"\0\0")].decode().split("\0"))
        self.assertEqual((values["bootdelay"], values["boot_targets"], values["stdin"], values["stdout"]), ("-2", "mmc0", "nulldev", "serial"))
        self.assertEqual(values["fdtfile"], "sun7i-a20-cubietruck.dtb")
        self.assertEqual(values["bootcmd"], "run distro_bootcmd")
        self.assertIn("scan_dev_for_extlinux", values)
        self.assertNotIn("preboot", values)

    def test_the_initramfs_is_the_firmware_and_its_modules_in_order(self):
        members = archive(gzip.decompress(self.file("initrd.gz")))
        mode, owner, init = members["init"]
        self.assertEqual((mode, owner), (0o100755, 0))
        self.assertEqual(init, FIRMWARE.read_bytes())
        listed = members["modules"][2].decode().split()
        self.assertEqual(sorted(listed), sorted("/" + name for name in members if name.endswith(".ko")))
        names = [pathlib.Path(name).stem.replace("-", "_") for name in listed]
        self.assertIn("sunxi_mmc", names)
        self.assertIn("sunxi_wdt", names)
        for place, path in enumerate(listed):
            needs = next(part for part in members[path[1:]][2].split(b"\0") if part.startswith(b"depends="))
            for need in filter(None, needs[8:].decode().replace("-", "_").split(",")):
                self.assertIn(need, names[:place], f"{path} is loaded before what it needs")

    def test_the_sum_is_told_and_kept(self):
        digest = hashlib.sha256(self.image).hexdigest()
        self.assertEqual(self.built.stdout, f"{digest}  {self.path}\n")
        self.assertEqual(pathlib.Path(f"{self.path}.sha256").read_text(), f"{digest}  card.img\n")
        self.assertIn("dd if=", self.built.stderr)

    def test_the_same_makes_the_same_bytes_and_boards_differ_in_their_card_areas(self):
        boards = self.folder / "boards"
        boards.mkdir()
        for number, name in ((1, "L1"), (12, "DG2")):
            kind = "consumer" if name[0] == "L" else "generator"
            (boards / f"{name}.board").write_text(board_file(number, (name, kind, 17.17, 0.0935, 91.79)))
        built = build("--board", "cubietruck", "--config", boards, "--output", self.folder / "cards", "--json")
        self.assertEqual(built.returncode, 0, built.stderr)
        told = json.loads(built.stdout)
        self.assertEqual([(image["id"], image["name"]) for image in told["images"]], [(1, "L1"), (12, "DG2")])
        for image in told["images"]:
            data = pathlib.Path(image["file"]).read_bytes()
            self.assertEqual(hashlib.sha256(data).hexdigest(), image["sha256"])
            self.assertEqual(data[:22528 * SECTOR], self.image[:22528 * SECTOR])
        one = build("--board", "cubietruck", "--config", boards, "--id", 12, "--output", self.folder / "one.img")
        self.assertEqual(one.stdout.split()[0], told["images"][1]["sha256"], one.stderr)


@unittest.skipUnless(FIRMWARE.exists(), "the preset armhf is not built")
class Refusals(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bb-image-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def refused(self, status, text, *arguments, **options):
        built = build("--board", "cubietruck", "--output", self.folder / "card.img", *arguments, **options)
        self.assertEqual(built.returncode, status, built.stderr)
        self.assertIn(text, built.stderr)
        self.assertEqual((built.stdout, list(self.folder.glob("*.img*"))), ("", []))

    def test_a_firmware_that_no_board_can_run(self):
        (self.folder / "cut").write_bytes(FIRMWARE.read_bytes()[:30])
        self.refused(1, "is no static program for 32-bit ARM", "--node", "/bin/true")
        self.refused(1, "is no static program for 32-bit ARM", "--node", self.folder / "cut")
        self.refused(3, "cannot be read", "--node", self.folder / "none")

    def test_board_files_that_are_not_there_or_not_right(self):
        bad = self.folder / "bad.board"
        bad.write_text(board_file(1, ("L1", "consumer", 17.17, 0.0935, 91.79)) + "colour blue\n")
        self.refused(1, f"{bad}:11: no such key: colour", "--config", bad)
        self.refused(1, f"{bad}:11: no such key: colour", "--config", self.folder)
        self.refused(3, "cannot be read", "--config", self.folder / "none.board")
        self.refused(2, "--id chooses among board files", "--id", 3)
        bad.write_text(board_file(1, ("L1", "consumer", 17.17, 0.0935, 91.79)))
        self.refused(3, "no board has the id 3", "--config", bad, "--id", 3)

    def test_programs_that_are_not_there_are_named_with_their_packages(self):
        tools = self.folder / "bin"
        tools.mkdir()
        for folder in ("/usr/bin", "/bin"):
            for program in pathlib.Path(folder).iterdir():
                link = tools / program.name
                if program.name not in ("mformat", "mcopy", "mkenvimage") and not link.is_symlink():
                    link.symlink_to(program)
        self.refused(3, "not there: mformat mcopy mkenvimage. As root: apt-get install --no-install-recommends mtools u-boot-tools",
                     env={"PATH": str(tools)})

    def test_altered_packages_are_not_used(self):
        cache = self.folder / "cache"
        cache.mkdir()
        for file in (BUILD / "image").glob("*"):
            if file.is_file():
                shutil.copy(file, cache)
        package = next(cache.glob("u-boot*.deb"))
        data = bytearray(package.read_bytes())
        data[len(data) // 2] ^= 1
        package.write_bytes(data)
        self.refused(4, "http://127.0.0.1:9/debian does not come", "--cache", cache, "--mirror", "http://127.0.0.1:9/debian")

    def test_a_folder_that_is_not_there(self):
        self.refused(1, "there is no folder", "--output", self.folder / "none/card.img")


if __name__ == "__main__":
    unittest.main()
