# SPDX-License-Identifier: GPL-2.0-or-later
"""muster-coordinator by itself: how it starts, what it refuses and in which words, how it ends."""
import os
import pwd
import re
import select
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import time

from harness import LIMIT_S, Lab, check, free_port, program

PROGRAM = program("muster-coordinator")
READY = re.compile(r"serving nodes on (\S+), operators on (\S+): (\d+) nodes, generation (\d+), "
                   r"ready in \d+ ms")
PREFIX = re.compile(r"^\S+Z muster-coordinator: [a-z]+: (?:not started: )?")


def log_line(process):
    """The next line of its log, without the prefix; "" at its end. Read byte by byte: select does not see
    a line that has come with the one before and waits in a buffer of ours."""
    fd, line = process.stderr.fileno(), b""
    while not line.endswith(b"\n"):
        check(select.select([fd], [], [], LIMIT_S)[0], "no line in the log")
        byte = os.read(fd, 1)
        if not byte:
            break
        line += byte
    return PREFIX.sub("", line.decode()).rstrip("\n")


def arguments(lab, *extra):
    return [PROGRAM, "--state-dir", lab.state, "--listen", lab.listen, "--client-ipc", lab.client,
            *extra]


def start(lab, *extra, command=None, **kwargs):
    """The process, once it serves, and the match of its line."""
    p = lab.spawn(command or arguments(lab, *extra), stderr=subprocess.PIPE, **kwargs)
    while True:
        line = log_line(p)
        check(line != "" or p.poll() is None, "it ended instead of serving")
        m = READY.search(line)
        if m:
            return p, m


def end(lab, p, how=signal.SIGTERM):
    started = time.monotonic()
    lab.end(p, how)
    check(time.monotonic() - started < LIMIT_S, "ending took too long")
    p.stderr.close()
    return p.returncode


def refused(lab, sentence, *extra, code=1, **kwargs):
    """It ends by itself; all of its lines but a warning of running as root are that sentence."""
    r = subprocess.run(arguments(lab, *extra), capture_output=True, text=True, timeout=LIMIT_S,
                       **kwargs)
    lines = [PREFIX.sub("", line) for line in r.stderr.splitlines()
             if "running as root" not in line]
    check(r.returncode == code, f"exit {r.returncode}, not {code}: {r.stderr}")
    check(len(lines) == 1 and re.search(sentence, lines[0]), f"{lines} does not say: {sentence}")
    check(r.stdout == "", r.stdout)


def serves(lab):
    p, m = start(lab)
    check(m.group(1) == lab.listen and m.group(2) == lab.client, m.group(0))
    check(int(m.group(3)) == 0, "a new one has no nodes")
    mode = os.stat(lab.client[len("ipc://"):])
    check(stat.S_ISSOCK(mode.st_mode) and stat.S_IMODE(mode.st_mode) == 0o600, "the socket's mode")
    for name in os.listdir(lab.state):
        check(os.stat(os.path.join(lab.state, name)).st_mode & 0o077 == 0, f"{name} is open")
    with open(f"/proc/{p.pid}/limits") as f:
        core = [line for line in f if line.startswith("Max core file size")][0]
    check(core.split()[4] == "0", "it could leave a core dump")
    return p


def refuses_what_is_taken(lab):
    other = Lab()
    try:
        refused(lab, f"^another coordinator, pid \\d+, uses the state directory {lab.state}: ")
        other.listen = lab.listen
        refused(other, f"^another program listens on {lab.listen} already: end it, or ")
        other.listen, other.client = f"tcp://127.0.0.1:{free_port()}", lab.client
        refused(other, "^another process listens on .*client.sock; end it or ")
        refused(other, "^cannot listen on tcp://192.0.2.1:7411: ", "--listen",
                "tcp://192.0.2.1:7411", "--client-ipc", f"ipc://{other.dir}/c")
    finally:
        shutil.rmtree(other.dir)


def takes_over_from_the_dead(lab, p):
    end(lab, p, signal.SIGKILL)
    check(os.path.exists(lab.client[len("ipc://"):]), "the dead one's socket is there")
    p, m = start(lab)
    check(int(m.group(4)) > 0, "the generation goes on")
    return p


def ends_in_good_order(lab, p):
    path = lab.client[len("ipc://"):]
    os.rename(path, path + ".moved")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        check(end(lab, p) == 0 and os.path.exists(path), "the socket of another is left alone")
    os.unlink(path)
    os.unlink(path + ".moved")
    p, _ = start(lab)
    for how in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        check(end(lab, p, how) == 0, f"exit {p.returncode} on {how}")
        check(not os.path.exists(path), "its socket is left")
        check(not os.path.exists(os.path.join(lab.state, "muster.db-wal")) or
              os.path.getsize(os.path.join(lab.state, "muster.db-wal")) == 0, "a WAL is left")
        p, _ = start(lab)
    end(lab, p)
    p, _ = start(lab, command=["nohup", *arguments(lab)], stdout=subprocess.DEVNULL)
    p.send_signal(signal.SIGHUP)
    end(lab, p)
    check(p.returncode == 0, "nohup: SIGHUP is ignored, SIGTERM is not")


def refuses_other_databases(lab):
    path = os.path.join(lab.state, "muster.db")
    shutil.copy(path, path + ".good")

    def with_database(change, sentence):
        change()
        refused(lab, sentence)
        for name in ("muster.db-wal", "muster.db-shm"):
            if os.path.exists(os.path.join(lab.state, name)):
                os.unlink(os.path.join(lab.state, name))
        shutil.copy(path + ".good", path)
        os.chmod(path, 0o600)

    def sql(text):
        def change():
            db = sqlite3.connect(path)
            db.executescript(text)
            db.close()
        return change

    def write(offset, data):
        def change():
            with open(path, "r+b") as f:
                f.seek(offset)
                f.write(data)
        return change

    def foreign():
        os.unlink(path)
        db = sqlite3.connect(path)
        db.executescript("CREATE TABLE songs(title)")
        db.close()
        os.chmod(path, 0o600)

    with_database(sql("PRAGMA user_version=99"), "was written by a newer muster")
    with_database(foreign, "is not a muster database")
    with_database(write(0, b"not a database at all"), "is not a muster database")
    with_database(write(4096, b"\xff" * 65536), "is damaged")
    with_database(lambda: os.chmod(path, 0o644), "chmod|mode|open to")
    os.chmod(lab.state, 0o777)
    refused(lab, "^others than its owner may write to the state directory ")
    os.chmod(lab.state, 0o700)
    key = os.path.join(lab.state, "server.key")
    os.chmod(key, 0o640)
    refused(lab, "^the key file .*server.key is open to other users; run chmod 600 on it")
    os.chmod(key, 0o600)
    with open(key, "w") as f:
        f.write("public 00\n")
    refused(lab, "^the key file .*server.key is damaged")


def refuses_wrong_configuration(lab):
    conf = os.path.join(lab.dir, "coordinator.conf")
    with open(conf, "w") as f:
        f.write("colour = red\nsuspect_ms = 9s\n")
    refused(lab, f"^{conf}:1: there is no setting colour; ", "--config", conf)
    refused(lab, "^/nonexistent cannot be read: No such file", "--config", "/nonexistent")
    refused(lab, "^there is no option --colour", "--colour", code=2)
    refused(lab, "^down_ms must be from ", "--set", "down_ms=1", code=2)
    refused(lab, "^suspect_ms .* at least twice", "--set", "heartbeat_ms=5s")
    r = subprocess.run(arguments(lab, "--config", conf, "--check-config"), capture_output=True,
                       text=True)
    check(r.returncode == 1 and f"{conf}:1: there is no setting colour" in r.stderr, r.stderr)
    check("suspect_ms = 9000\n" in r.stdout and f"node_listen = {lab.listen}\n" in r.stdout,
          r.stdout)
    with open(conf, "w") as f:
        f.write(r.stdout)
    r = subprocess.run([PROGRAM, "--config", conf, "--check-config"], capture_output=True,
                       text=True)
    check(r.returncode == 0 and r.stderr == "", r.stderr)


def tells_the_service_manager(lab):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(LIMIT_S)
        s.bind(f"\0muster-test-{os.getpid()}")
        p, _ = start(lab, env={**os.environ, "NOTIFY_SOCKET": f"@muster-test-{os.getpid()}"})
        check(s.recv(100) == b"READY=1", "ready")
        end(lab, p)
        check(s.recv(100) == b"STOPPING=1", "stopping")


def needs_no_root(lab):
    if os.geteuid() != 0:
        refused(lab, "^only root can become the user ", "--set", "user=root")
        return
    nobody = pwd.getpwnam("nobody")
    os.chmod(lab.dir, 0o711)
    lab.state = os.path.join(lab.dir, "of-nobody")
    lab.client = f"ipc://{lab.dir}/run/client.sock"
    refused(lab, "^there is no user no-such-user on this machine", "--set", "user=no-such-user")
    p, _ = start(lab, "--set", "user=nobody")
    with open(f"/proc/{p.pid}/status") as f:
        ids = {line.split(":")[0]: line.split()[1:] for line in f
               if line.startswith(("Uid", "Gid", "Groups", "CapPrm", "CapEff"))}
    check(ids["Uid"] == [str(nobody.pw_uid)] * 4 and ids["Gid"] == [str(nobody.pw_gid)] * 4 and
          ids["Groups"] == [] and int(ids["CapPrm"][0], 16) == 0, f"{ids}")
    for path in (lab.state, lab.client[len("ipc://"):]):
        check(os.stat(path).st_uid == nobody.pw_uid, f"{path} is nobody's")
    end(lab, p)
    refused(lab, "^the state directory .* belongs to uid \\d+, and this program runs as uid 0")
    p, _ = start(lab, "--set", "user=nobody")  # again, with what is there
    end(lab, p)


def main():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever started the tests may ignore it
    with Lab() as lab:
        p = serves(lab)
        refuses_what_is_taken(lab)
        p = takes_over_from_the_dead(lab, p)
        ends_in_good_order(lab, p)
        refuses_wrong_configuration(lab)
        tells_the_service_manager(lab)
        refuses_other_databases(lab)
        needs_no_root(lab)


main()
