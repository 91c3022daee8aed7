#!/usr/bin/env python3
"""The Debian packages: built by one command, installed into a clean Debian 12, run as their units say, and removed.

The clean root is a minimal Debian with nothing more than what the packages depend on. Where this is not Debian, or this is not
root, there is no such root and the test is skipped.
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build/deb"
PACKAGES = {"busbar", "busbard", "busbar-ledgerd", "busbar-webd", "busbar-agents", "busbar-node", "busbar-firmware", "libbusbar-dev"}
PATIENCE_S = 60
# Brings the loopback up: SIOCSIFFLAGS with IFF_UP | IFF_RUNNING.
LOOPBACK = "import fcntl,socket,struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14s', b'lo', 0x41, b''))"
# What depends on the machine that the test runs on, and on nobody having a time server or a cgroup in a root like this.
MACHINE = {"clock", "limits", "landlock", "descriptors", "disk", "adapters"}


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def wait_until(condition, what):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.05)


def archive():
    """Where Debian 12 comes from on this machine, as mmdebstrap takes it."""
    sources = pathlib.Path("/etc/apt/sources.list.d/debian.sources")
    lists = [pathlib.Path("/etc/apt/sources.list"), *pathlib.Path("/etc/apt/sources.list.d").glob("*.list")]
    lines = [line for path in lists if path.exists() for line in path.read_text().splitlines()
             if re.match(r"deb .*\bbookworm", line)]
    return lines or [str(sources)] if sources.exists() or lines else []


def dependencies(files):
    """The packages of Debian that these depend on; of alternatives the first."""
    wanted = set()
    for file in files:
        for one in run("dpkg-deb", "-f", file, "Depends").split(","):
            name = one.split("|")[0].split("(")[0].strip()
            if name and name not in PACKAGES:
                wanted.add(name)
    return sorted(wanted)


@unittest.skipUnless(os.geteuid() == 0 and shutil.which("dpkg-deb"), "needs Debian, and root for a root of its own")
class Packages(unittest.TestCase):
    """One life, in the order of the names."""

    @classmethod
    def setUpClass(cls):
        run(ROOT / "configs/install", "package")
        started = time.monotonic()
        told = run(ROOT / "configs/deb", env={**os.environ, "DEB_BUILD_OPTIONS": "noautodbgsym"})
        print(f"packages: {time.monotonic() - started:.0f} s", flush=True)
        cls.lintian = [line for line in told.splitlines() if re.match(r"[EW]: ", line)]
        cls.files = {run("dpkg-deb", "-f", path, "Package").strip(): path for path in FOLDER.glob("*.deb")}
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="bb-root-", dir=FOLDER))
        cls.processes, cls.network = [], None
        cls.addClassCleanup(cls.end)
        started = time.monotonic()
        cls.lay_root(dependencies(cls.files.values()))
        print(f"clean root: {time.monotonic() - started:.0f} s", flush=True)

    @classmethod
    def lay_root(cls, wanted):
        """From a tarball that is kept as long as the same is wanted."""
        key = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:16]
        kept = FOLDER / f"root-{key}.tar"
        if not kept.exists():
            for old in FOLDER.glob("root-*.tar"):
                old.unlink()
            run("mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", "--aptopt=APT::Sandbox::User \"root\"",
                "--include=" + ",".join(wanted), "bookworm", f"{kept}.new.tar", *archive())
            os.rename(f"{kept}.new.tar", kept)
        run("tar", "-x", "-f", kept, "-C", cls.root, "--exclude=./dev/*")
        os.chmod(cls.root, 0o755)
        run("mount", "-t", "proc", "proc", cls.root / "proc")
        run("mount", "--bind", "/dev", cls.root / "dev")
        # A network of its own: the usual ports are free there, whatever runs on this machine.
        cls.network = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        wait_until(lambda: os.readlink(f"/proc/{cls.network.pid}/ns/net") != os.readlink("/proc/self/ns/net"), "a network")
        run("nsenter", f"--net=/proc/{cls.network.pid}/ns/net", "/usr/bin/python3", "-c", LOOPBACK)

    @classmethod
    def end(cls):
        for process in reversed(cls.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if cls.network is not None:
            cls.network.kill()
            cls.network.wait()
        for below in ("dev", "proc"):
            subprocess.run(["umount", "-l", str(cls.root / below)], check=False, capture_output=True)
        if not os.path.ismount(cls.root / "dev"):
            shutil.rmtree(cls.root, ignore_errors=True)

    # -- in the root -------------------------------------------------------------------------------------------------

    def inside(self, *words, user=None, **environment):
        return run(*self.words(words, user), env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
                                                  "DEBIAN_FRONTEND": "noninteractive", **environment})

    def words(self, words, user):
        become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []
        return ["nsenter", f"--net=/proc/{self.network.pid}/ns/net", "chroot", str(self.root), *become, *map(str, words)]

    def unit(self, name):
        """[(key, value), …] of an installed unit."""
        return dict(re.findall(r"^(\w+)=(.*)$", (self.root / "lib/systemd/system" / name).read_text(), re.MULTILINE))

    def start(self, name):
        """What the unit says, as far as there is no systemd here: its command, user, mask and folders."""
        unit = self.unit(name)
        if "RuntimeDirectory" in unit:
            self.inside("install", "-d", "-o", unit["User"], "-g", unit["Group"], "-m", unit["RuntimeDirectoryMode"],
                        "/run/" + unit["RuntimeDirectory"])
        log = open(FOLDER / f"{name}.log", "wb")
        process = subprocess.Popen(self.words(unit["ExecStart"].split(), unit["User"]), stdout=log, stderr=log, umask=int(unit["UMask"], 8),
                                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, cwd="/")
        log.close()
        self.processes.append(process)
        return process

    def doctor(self):
        done = subprocess.run(self.words(["busbar", "doctor", "--json"], None), capture_output=True, text=True, timeout=60,
                              env={"PATH": "/usr/sbin:/usr/bin", "HOME": "/root"})
        return {check["check"]: check for check in json.loads(done.stdout)["checks"]}

    def bad(self):
        return [check for name, check in self.doctor().items() if check["level"] != "ok" and name not in MACHINE]

    # -- the life ----------------------------------------------------------------------------------------------------

    def test_1_built(self):
        self.assertEqual(set(self.files), PACKAGES)
        self.assertEqual([line for line in self.lintian if line.startswith("E:")], [])
        self.assertEqual(run("dpkg-deb", "-f", self.files["busbar-firmware"], "Architecture").strip(), "all")
        print(f"lintian: {len(self.lintian)} warnings, 0 errors", *self.lintian, sep="\n  ", flush=True)

    def test_1_for_boards(self):
        """Cross-built: the package for boards that run Debian, and the image for those that do not; each starts on a Cortex-A7."""
        package, = (FOLDER / "armhf").glob("busbar-node_*.deb")
        self.assertEqual(run("dpkg-deb", "-f", package, "Architecture").strip(), "armhf")
        with tempfile.TemporaryDirectory(prefix="bb-board-", dir=FOLDER) as folder:
            for file in (package, self.files["busbar-firmware"]):
                run("dpkg-deb", "-x", file, folder)
            board, image = (pathlib.Path(folder, name) for name in ("usr/bin/busbar-node", "usr/lib/busbar/armhf/busbar-node"))
            for program in (board, image, board.with_name("busbar-wire")):
                self.assertIn("busbar-", run("qemu-arm", "-cpu", "cortex-a7", program, "--version"))
            for program in (board, image):
                self.assertLessEqual(program.stat().st_size, 512 * 1024)
                self.assertNotIn("INTERP", run("readelf", "-lW", program))
            self.assertTrue(pathlib.Path(folder, "lib/systemd/system/busbar-node@.service").exists())
            card = pathlib.Path(folder, "card")
            run("qemu-arm", "-cpu", "cortex-a7", board, "--card", card, "--format")
            self.assertTrue(run("qemu-arm", "-cpu", "cortex-a7", image, "--card", card, "--show"))

    def test_2_installed(self):
        shutil.copytree(FOLDER, self.root / "debs", ignore=lambda _, names: [n for n in names if not n.endswith(".deb")])
        told = self.inside("sh", "-c", "dpkg --install /debs/*.deb 2>&1")
        self.assertNotIn("warning", told.lower())
        states = self.inside("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *sorted(PACKAGES))
        self.assertEqual(states.count(" installed\n"), len(PACKAGES))
        shutil.rmtree(self.root / "debs")

    def test_3_users_homes_units(self):
        users = (self.root / "etc/passwd").read_text()
        self.assertRegex(users, r"(?m)^busbar:x:\d+:\d+:Busbar:/var/lib/busbar:/usr/sbin/nologin$")
        self.assertRegex(users, r"(?m)^busbar-ledger:x:")
        self.assertRegex(users, r"(?m)^busbar-node:x:\d+:\d+:Busbar board:/var/lib/busbar-node:/usr/sbin/nologin$")
        members = re.search(r"(?m)^dialout:.*:(.*)$", (self.root / "etc/group").read_text())[1]
        self.assertEqual(set(members.split(",")), {"busbar", "busbar-node"})
        modes = self.inside("stat", "-c", "%n %U %G %a", "/etc/busbar", "/var/lib/busbar", "/var/lib/busbar-ledger",
                            "/var/lib/busbar/keys/cli.json", "/var/lib/busbar-ledger/keys/ledger.json")
        self.assertEqual(modes.splitlines(), ["/etc/busbar root root 755", "/var/lib/busbar busbar busbar 750",
                                              "/var/lib/busbar-ledger busbar-ledger busbar-ledger 700",
                                              "/var/lib/busbar/keys/cli.json busbar busbar 600",
                                              "/var/lib/busbar-ledger/keys/ledger.json busbar-ledger busbar-ledger 600"])
        wants = {path.name for path in (self.root / "etc/systemd/system").glob("*.wants/*")}
        self.assertTrue({"busbar.target", "busbard.service", "busbar-ledgerd.service", "busbar-agentd.service", "busbar-webd.service"} <= wants, wants)
        self.assertFalse([name for name in wants if "mqtt" in name or "federation" in name or "modbus" in name])
        for unit in (self.root / "lib/systemd/system").glob("*.service"):
            command = self.unit(unit.name)["ExecStart"].split()[0] if "busbar" in unit.read_text() else None
            if command and "%i" not in command:
                self.assertTrue(os.access(self.root / command.lstrip("/"), os.X_OK), command)
        for page in ("man1/busbar.1.gz", "man8/busbard.8.gz", "man8/busbar-ledgerd.8.gz", "man8/busbar-webd.8.gz", "man1/busbar-web.1.gz", "man1/busbar-doctor.1.gz"):
            self.assertTrue((self.root / "usr/share/man" / page).exists(), page)
        self.assertIn("complete", (self.root / "usr/share/bash-completion/completions/busbar").read_text())

    def test_4_the_bus_runs(self):
        self.start("busbard.service")
        wait_until(lambda: (self.root / "run/busbar/vip.address").exists(), "busbard")
        for user in (None, "busbar"):  # both read /etc/busbar/environment
            self.assertIn("busbar.broker", self.inside("busbar", "status", "--json", user=user, HOME="/nonexistent"))
        self.assertEqual(self.bad(), [])

    def test_5_the_ledger_runs(self):
        home = "/var/lib/busbar-ledger"
        (self.root / "tmp/word").write_text("secret\n")
        os.chmod(self.root / "tmp/word", 0o644)
        for name in ("operator", "edc", "p1"):
            self.inside("busbar", "key", "new", name, "--light", "--passphrase-file", "/tmp/word", "--home", home, user="busbar-ledger")
        self.inside("busbar", "chain", "init", "p1:prosumer", "--cents", "100", "--home", home, user="busbar-ledger")
        self.start("busbar-ledgerd.service")
        wait_until(lambda: self.doctor().get("ledger", {}).get("level") == "ok", "busbar-ledgerd")
        self.assertIn("p1", self.inside("busbar", "account", "list", user="busbar"))
        self.assertEqual(self.bad(), [])

    def test_6_the_agents_run(self):
        self.start("busbar-agentd.service")
        wait_until(lambda: self.doctor().get("host", {}).get("level") == "ok", "busbar-agentd")
        self.assertEqual(json.loads(self.inside("busbar", "agent", "list", "--json", user="busbar"))["agents"], [])
        self.assertEqual(self.bad(), [])

    def test_6_the_dashboard_runs(self):
        self.start("busbar-webd.service")

        def look(path):
            ask = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8087{path}', timeout=20).read().decode())"
            done = subprocess.run(["nsenter", f"--net=/proc/{self.network.pid}/ns/net", "/usr/bin/python3", "-c", ask], capture_output=True, text=True, timeout=60)
            return done.stdout
        wait_until(lambda: '"ready":true' in look("/readyz"), "busbar-webd is ready: " + (FOLDER / "busbar-webd.service.log").read_text())
        self.assertIn("<title>", look("/"))
        self.assertEqual(json.loads(look("/api/v1/overview"))["ledger"], "up")
        self.assertEqual((self.root / "run/busbar/web.address").read_text(), "http://127.0.0.1:8087/\n")
        self.assertEqual(self.bad(), [])

    def test_7_an_agent_in_c(self):
        """Compiled with what libbusbar-dev brought into the root, by the compiler outside."""
        settings = {"PKG_CONFIG_SYSROOT_DIR": str(self.root), "PKG_CONFIG_PATH": "", "PATH": os.environ["PATH"],
                    "PKG_CONFIG_LIBDIR": ":".join(str(path) for path in self.root.glob("usr/lib/**/pkgconfig"))}
        flags = run("pkg-config", "--cflags", "--libs", "busbar", env=settings).split()
        source = self.root / "usr/share/doc/libbusbar-dev/examples/example.c"
        run("gcc", f"--sysroot={self.root}", "-Wall", "-Werror", source, "-o", self.root / "usr/local/bin/example-agent", *flags)
        names = run("nm", "--defined-only", "--extern-only", next(self.root.glob("usr/lib/*/libbusbar.a")))
        self.assertEqual([line for line in names.splitlines() if re.search(r" [A-Z] (?!bb_)", line)], [])
        self.inside("busbar", "init", "--host", "--agent", "example-agent")
        def admitted():
            """The broker takes the new key within a second; until then the agent is sent away."""
            agent = subprocess.Popen(self.words(["example-agent"], "busbar"), stderr=subprocess.DEVNULL, env={
                "BUSBAR_HOME": "/var/lib/busbar", "BUSBAR_IDENTITY": "example-agent", "PATH": "/usr/local/bin:/usr/sbin:/usr/bin"})
            self.processes.append(agent)
            try:
                agent.wait(2)
            except subprocess.TimeoutExpired:
                return True
            return False

        wait_until(admitted, "example-agent")
        told = self.inside("busbar", "sub", "heartbeat/example-agent", "--count", "1", "--timeout", "30", "--jsonl", user="busbar")
        self.assertIn("example-agent", told)

    def test_8_removed_and_back(self):
        while self.processes:
            process = self.processes.pop()
            process.terminate()
            process.wait(30)
        key = (self.root / "var/lib/busbar/keys/busbard.json").read_bytes()
        self.inside("dpkg", "--purge", *sorted(PACKAGES))
        self.assertFalse((self.root / "etc/busbar/busbard.json").exists())
        self.assertEqual([path.name for path in (self.root / "etc/systemd/system").glob("*.wants/busbar*")], [])
        self.assertTrue((self.root / "var/lib/busbar-ledger/ledger/chain.db").exists())
        for name in ("busbar", "busbard"):
            shutil.copy(self.files[name], self.root / "tmp")
            self.inside("dpkg", "--install", "/tmp/" + self.files[name].name)
        self.assertEqual((self.root / "var/lib/busbar/keys/busbard.json").read_bytes(), key)


if __name__ == "__main__":
    unittest.main(failfast=True)
