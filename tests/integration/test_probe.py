# SPDX-License-Identifier: GPL-2.0-or-later
"""A probe's starts and ends: what it refuses and in which words, what it keeps for the rest of the
boot, how it takes the absence of its coordinator, how little memory it needs, and that no secret is
in its log."""
import os
import re
import select
import signal
import subprocess
import time

from harness import BUILD, LIMIT_S, Events, Lab, check, free_port, need_nic, program

RSS_KIB = 8 * 1024


class Probe:
    """A probe whose log is read line by line."""

    def __init__(self, lab, *args):
        self.lab, self.pending, self.text = lab, b"", ""
        self.process = lab.spawn([program("muster-probe"), *args], stderr=subprocess.PIPE)

    def line(self, until):
        while b"\n" not in self.pending:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stderr], [], [], left)[0]:
                return None
            data = os.read(self.process.stderr.fileno(), 65536)
            if not data:
                return None
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        self.text += line.decode() + "\n"
        return line.decode()

    def until(self, words, limit_s=LIMIT_S):
        end = time.monotonic() + limit_s
        while True:
            line = self.line(end)
            check(line is not None, f"the log does not say '{words}': {self.text}")
            if words in line:
                return line

    def end(self, how=signal.SIGTERM):
        """Its exit status; then all of its log has been read."""
        self.lab.end(self.process, how)
        while self.line(time.monotonic() + 5) is not None:
            pass
        return self.process.returncode


def write_token(lab, name, token, mode=0o600):
    path = os.path.join(lab.dir, name)
    with open(path, "w") as f:
        f.write(token + "\n")
    os.chmod(path, mode)
    return path


def refused(words, *args, code=1):
    r = subprocess.run([program("muster-probe"), *args], capture_output=True, text=True, timeout=LIMIT_S)
    check(r.returncode == code, f"exit {r.returncode} in place of {code}: {r.stderr}")
    check(words in r.stderr, f"not said: {words}; but: {r.stderr}")
    return r.stderr


def starts_and_ends(lab, args, token):
    """Returns all that was logged."""
    events = Events(lab, since=lab.muster("status")["event_no"])
    log = refused("there is no token, and no key in", *args)
    log += refused("run chmod 600 on it", *args, "--token-file",
                   write_token(lab, "open", token, 0o644))
    probe = Probe(lab, *args, "--token-file", write_token(lab, "token", token))
    probe.until("registered as here")
    events.until(lambda e: e["kind"] == "node.enrolled", "the token admits it")
    events.until(lambda e: e["kind"] == "node.up", "up")
    log += refused(f"in use by another muster-probe, process {probe.process.pid}", *args)
    os.unlink(os.path.join(lab.dir, "token"))
    check(probe.end() == 0, f"exit {probe.process.returncode} after SIGTERM")
    events.until(lambda e: e["kind"] == "node.goodbye", "goodbye")
    log += probe.text

    since = lab.muster("status")["event_no"]
    for how in (signal.SIGKILL, signal.SIGINT, signal.SIGTERM):
        probe = Probe(lab, *args, "--token-file", os.path.join(lab.dir, "token"))
        probe.until("registered as here")
        check("enrolled" not in probe.text, "a later start has the key of the first")
        probe.end(how)
        log += probe.text
    kinds = [e["kind"] for e in lab.muster("event", "tail", "--since", str(since))["events"]]
    check("node.enrolled" not in kinds and "node.boot" not in kinds, f"events: {kinds}")
    lab.end(events.process)
    print("starts again without a token")
    return log


def coordinator_away(lab, args):
    probe = Probe(lab, *args)
    probe.until("registered as here")
    lab.end(lab.coordinator)
    probe.until("the connection is lost to")
    lab.start_coordinator()
    probe.until("connected to")
    probe.until("registered as here")
    with open(f"/proc/{probe.process.pid}/status") as f:
        rss = int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
    check("asan" in BUILD or rss <= RSS_KIB, f"resident: {rss} KiB, may have {RSS_KIB}")
    probe.end()
    check(probe.text.count("the connection is lost to") == 1, "told once: " + probe.text)
    print(f"follows a restarted coordinator; {rss} KiB resident")
    return probe.text


def nobody_there(lab, run_dir, token):
    """It goes on asking, says so once, and ends at once when it is told to."""
    probe = Probe(lab, "--connect", f"tcp://127.0.0.1:{free_port()}", "--run-dir", run_dir + "-none",
                  "--device", "none", "--token-file", write_token(lab, "token", token))
    probe.until("no answer")
    check(probe.line(time.monotonic() + 3) is None, "told once: " + probe.text)
    check(probe.end() == 0, "exit status")
    return probe.text


def another_boot(lab, run_dir, args, token):
    """What an earlier boot has left does not count."""
    path = os.path.join(run_dir, "state")
    with open(path) as f:
        state = f.read()
    with open(os.path.join(run_dir, "node.key")) as f:
        key = f.read()
    with open(path, "w") as f:
        f.write(re.sub("boot_id .*", "boot_id 00000000-0000-4000-8000-000000000001", state))
    log = refused("there is no token, and no key in", *args)
    probe = Probe(lab, *args, "--token-file", write_token(lab, "token", token))
    probe.until("connected to")
    probe.end()
    with open(os.path.join(run_dir, "node.key")) as f:
        check(f.read() != key, "another boot has another key")
    print("another boot starts from nothing")
    return log + probe.text


def another_coordinator(args, token, lab):
    kind, server, secret = token.split(".")
    other = f"{kind}.{server[::-1]}.{secret}"
    return refused("the token is of another coordinator", *args, "--token-file",
                   write_token(lab, "other", other))


def main():
    need_nic()
    with Lab() as lab:
        lab.start_coordinator()
        lab.wait_matrix(lambda m: True, "the coordinator answers")
        run_dir = os.path.join(lab.dir, "run")
        args = ["--connect", lab.listen, "--run-dir", run_dir, "--node-name", "here"]
        tokens = lab.tokens(3)
        log = starts_and_ends(lab, args, tokens[0])
        log += another_coordinator(args, tokens[0], lab)
        log += coordinator_away(lab, args)
        log += nobody_there(lab, run_dir, tokens[1])
        with open(os.path.join(run_dir, "node.key")) as f:
            secrets = re.findall(r"secret ([0-9a-f]{64})", f.read())
        check(len(secrets) == 1, "the key file has the secret")
        log += another_boot(lab, run_dir, args, tokens[2])
        for secret in secrets + [t.split(".")[2] for t in tokens]:
            check(secret not in log, "a secret is in the log")
        refused("no coordinator is named", code=2)
        refused("there is no option --token,", "--token", tokens[2], code=2)


main()
