# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may take part: a token admits once, an operator's policy waits for approval, two live probes
under one identity are a conflict that frees nothing, and a client over TCP has the role of its token
and no other."""
import os
import subprocess

from harness import Events, Lab, check, free_port, program

NODE_A = "00000000-0000-4000-8000-00000000000a"
NODE_B = "00000000-0000-4000-8000-00000000000b"
SUSPECT_MS = 12000  # a probe that was not run for less is not taken for one that is silent


def node(lab, name):
    return next((n for n in lab.muster("node", "list")["nodes"] if n["name"] == name), None)


def approval(lab, events):
    """enrol_policy = operator: a good token alone is not enough; it is used up all the same."""
    token = lab.tokens()[0]
    lab.start_probe("alpha", token, extra=["--node-id", NODE_A])
    events.until(lambda e: e["kind"] == "node.pending" and e.get("node_name") == "alpha", "pending")
    check(node(lab, "alpha")["state"] == "pending", f"{node(lab, 'alpha')}")
    check(not lab.matrix(), "a pending node is not in the matrix")
    lab.muster("node", "approve", "alpha")
    events.until(lambda e: e["kind"] == "node.up" and e.get("node_name") == "alpha", "alpha up")
    lab.start_probe("beta", token, extra=["--node-id", NODE_B])
    refused, _ = events.until(lambda e: e["kind"] == "message.refused", "the used token is refused")
    check(token.split(".")[2] not in str(refused), "an event shows a secret")
    check("used" in refused["text"], f"no reason: {refused}")
    beta = node(lab, "beta")
    check(beta is None or beta["state"] == "pending", f"a used token admits nobody: {beta}")


def conflict(lab, events):
    """A second live probe under alpha's identity, with a token of its own: once both have been heard
    side by side the node is quarantined; nothing of it is freed, no second node comes up. With the
    impostor gone an operator's word ends it."""
    # It is up before its first report has come.
    lab.wait_section("alpha", "nics", lambda rows: True, "its first report")
    before = lab.matrix()
    impostor = lab.start_probe("impostor", lab.tokens()[0], extra=["--node-id", NODE_A])
    found, _ = events.until(
        lambda e: e["kind"] == "node.conflict" and e.get("node_name") == "alpha", "conflict")
    check("two live boots" in found["text"], f"{found}")
    after = lab.matrix()
    check(set(after) == set(before), f"edges changed: {before} {after}")
    check(all(e["state"] == "unknown" for e in after.values()), f"known while in conflict: {after}")
    nodes = lab.muster("node", "list")["nodes"]
    check([(n["name"], n["state"]) for n in nodes if n["name"] != "beta"] ==
          [("alpha", "quarantined")], f"nodes: {nodes}")
    lab.end(impostor)
    lab.muster("node", "approve", "alpha")
    events.until(lambda e: e["kind"] == "node.up" and e.get("node_name") == "alpha", "alpha back")


def remote_clients(lab, port):
    endpoint = f"tcp://127.0.0.1:{port}"

    def remote(home, *args):
        environment = dict(os.environ, HOME=os.path.join(lab.dir, home))
        environment.pop("XDG_CONFIG_HOME", None)
        os.makedirs(environment["HOME"], exist_ok=True)
        return subprocess.run([program("muster"), "--connect", endpoint, "--timeout", "20s", *args],
                              capture_output=True, text=True, env=environment)

    def enrol(home, role):
        token = lab.muster("token", "create", "--role", role)["tokens"][0]["token"]
        path = os.path.join(lab.dir, f"token-{home}")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(token + "\n")
        r = remote(home, "enrol", "--token-file", path)
        check(r.returncode == 0, f"enrol as {role}: {r.stderr}")
        check(token.split(".")[2] not in r.stdout + r.stderr, "enrol shows the secret")
        return path

    used = enrol("watcher", "observer")
    check(remote("watcher", "status").returncode == 0, "an observer reads")
    r = remote("watcher", "network", "define", "lan", "--match", "*/eth0")
    check(r.returncode == 1 and "operator" in r.stderr.split("\n")[0], f"{r.returncode} {r.stderr}")
    r = remote("watcher", "token", "create")
    check(r.returncode == 1, "an observer makes no tokens")
    enrol("chief", "operator")
    r = remote("chief", "network", "define", "lan", "--match", "*/eth0")
    check(r.returncode == 0, f"an operator changes: {r.stderr}")
    r = remote("stranger", "status")
    check(r.returncode in (1, 3) and "enrol" in r.stderr, f"no key: {r.returncode} {r.stderr}")
    r = remote("stranger", "enrol", "--token-file", used)
    check(r.returncode == 1, f"a used token enrols nobody: {r.returncode} {r.stderr}")
    key = os.path.join(lab.dir, "watcher/.config/muster/client.key")
    os.chmod(key, 0o644)
    r = remote("watcher", "status")
    check(r.returncode == 1 and "chmod 600" in r.stderr, f"a key that others can read: {r.stderr}")


def main():
    with Lab() as lab:
        port = free_port()
        config = os.path.join(lab.dir, "coordinator.conf")
        with open(config, "w") as f:
            f.write(f"enrol_policy = operator\nsuspect_ms = {SUSPECT_MS}\n"
                    f"client_listen = tcp://127.0.0.1:{port}\n")
        lab.start_coordinator("--config", config)
        events = Events(lab)
        approval(lab, events)
        conflict(lab, events)
        remote_clients(lab, port)
        lab.end(events.process)


main()
