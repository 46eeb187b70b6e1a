# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up replies: a script for the double is {request or call: [answers in turn]}."""
import os
import random
import uuid

WALL = 1795533111123  # 2026-11-24T15:11:51.123Z
G, E = 4711, 120      # generation and newest event
OK, DEGRADED, LOST, UNKNOWN, STUCK, QUARANTINED = 1, 2, 3, 4, 5, 6


def an_id(text):
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, text))


def fails(what, text):
    return b"E" + what.encode() + b"\n" + text.encode()


class Script:
    """What the coordinator says to each request."""

    def __init__(self, encoder):
        self.encoder = encoder
        self.answers = {}

    def say(self, request, *answers):
        """`answers`: fields of a reply, or bytes that are taken as they are."""
        key = str(self.encoder.ops.get(request, request.lower()))
        self.answers[key] = [
            a if isinstance(a, bytes) else
            self.encoder.reply(**{"generation": G, "event_no": E, **a}) for a in answers]
        return self

    def refuse(self, request, code, text, **values):
        return self.say(request, self.encoder.refusal(code, text, **values))

    def write(self, folder):
        for key, answers in self.answers.items():
            for i, answer in enumerate(answers):
                with open(os.path.join(folder, f"{key}.{i}"), "wb") as f:
                    f.write(answer)


# ---- what a fleet is made of ---------------------------------------------------------------------


def node(name, index, state="up", **more):
    fields = {"id": an_id(name), "name": name, "state": state, "boot_id": an_id(name + " boot"),
              "identity_source": "smbios", "draining": False, "hostname": name,
              "probe_version": "0.1.0", "edges_ok": 0, "edges_degraded": 0, "edges_lost": 0,
              "edges_unknown": 0, "first_seen_ms": WALL - 86400000, "index": index}
    if state in ("up", "suspect", "down"):
        fields.update({"heard_ms": {"up": 800, "suspect": 9500, "down": 754000}[state], "protocol": 1})
    fields.update(more)
    return fields


def network(name, index, vlan=0):
    return {"id": an_id("network " + name), "kind": "network", "key": an_id("network " + name),
            "label": name, "vlan": vlan, "declared": True, "nodes_ok": 0, "nodes_degraded": 0,
            "nodes_lost": 0, "nodes_unknown": 0, "index": index}


def port(name, link, index, vlan=0):
    label = f"{name}/{link}"
    return {"id": an_id(label), "kind": "network", "key": f"unproven:{an_id(name)}/{link}",
            "label": "unproven:" + label, "vlan": vlan, "declared": False, "nodes_ok": 0,
            "nodes_degraded": 0, "nodes_lost": 0, "nodes_unknown": 0, "index": index}


def edge(n, resource, state=OK, paths=(1, 1), had=None, ports=(), age=1200):
    fields = {"node": n["index"], "resource": resource["index"], "state": state,
              "paths_active": paths[0], "paths_total": paths[1],
              "paths_had": paths[0] if had is None else had, "since_ms": WALL - 3600000,
              "ports": list(ports)}
    if had is not None and had > paths[0]:
        fields["had_until_ms"] = WALL - 60000
    if age is not None:
        fields["age_ms"] = age
    return fields


COUNTED = {OK: "ok", DEGRADED: "degraded", LOST: "lost", UNKNOWN: "unknown", STUCK: "unknown"}


def count(nodes, resources, edges):
    """Fills in what nodes and resources say about their edges."""
    by_index = {n["index"]: n for n in nodes}, {r["index"]: r for r in resources}
    for e in edges:
        by_index[0][e["node"]]["edges_" + COUNTED[e["state"]]] += 1
        by_index[1][e["resource"]]["nodes_" + COUNTED[e["state"]]] += 1


def three():
    """Three nodes, one of them down; every state of an edge. Out of order, with numbers that are no
    places, as the protocol allows."""
    n10 = node("node10", 700, "down", edges_unknown=0)
    n1 = node("node1", 31, protocol=2)
    n2 = node("node2", 5, sections_bad=["lldp stuck since 2026-11-24 16:02:11 +0100"])
    storage, mgmt, lab = (network("storage-a", 90, 100), network("mgmt", 17),
                          network("lab", 3, 7))
    spare2, spare1, spare10 = (port("node2", "eth5", 1000), port("node1", "eth5", 1001),
                               port("node10", "eth5", 1002))
    edges = [
        edge(n10, storage, UNKNOWN, (2, 2), ports=["bond0.100"], age=754000),
        edge(n10, mgmt, UNKNOWN, (1, 1), ports=["eth0"], age=754000),
        edge(n2, storage, DEGRADED, (1, 2), 2, ["bond0.100"]),
        edge(n1, storage, OK, (2, 2), ports=["bond0.100"]),
        edge(n1, mgmt, OK, ports=["eth0"]),
        edge(n2, mgmt, LOST, (0, 1), 1, ["eth0"]),
        edge(n1, lab, STUCK, (1, 1), ports=["eth1.7"], age=67000),
        edge(n2, spare2, LOST, (0, 1), ports=["eth5"]),
        edge(n1, spare1, OK, ports=["eth5"]),
        edge(n10, spare10, UNKNOWN, ports=["eth5"], age=None),
    ]
    nodes, resources = [n10, n1, n2], [spare2, storage, lab, spare1, mgmt, spare10]
    count(nodes, resources, edges)
    return nodes, resources, edges


def fleet(per_rack=30, racks=10):
    """300 nodes in ten racks."""
    rng = random.Random(1)
    nodes = [node(f"rack{r}-{i:02d}", r * 10000 + i) for r in range(1, racks + 1)
             for i in range(1, per_rack + 1)]
    by_name = {n["name"]: n for n in nodes}
    for name, state in (("rack4-17", "suspect"), ("rack9-01", "down"), ("rack9-02", "down"),
                        ("rack9-03", "down"), ("rack9-04", "down"), ("rack10-30", "quarantined")):
        n = by_name[name]
        n.update(node(name, n["index"], state))
    by_name["rack10-30"]["text"] = "Two machines claim to be this node: keys 1f2e and 77aa."
    names = [("mgmt", 0), ("storage-a", 100), ("storage-b", 101), ("migration", 20),
             ("rack7-lab", 7)]
    networks = [network(name, i, vlan) for i, (name, vlan) in enumerate(names)]
    resources, edges = list(networks), []
    for n in nodes:
        silent = n["state"] in ("suspect", "down")
        if n["state"] == "quarantined":
            continue
        rack = n["name"].split("-")[0]
        for w in networks:
            if w["label"] == "rack7-lab" and rack != "rack7":
                continue
            if w["label"] == "migration" and n["name"] in ("rack2-05", "rack2-06", "rack3-01"):
                continue
            two = w["label"].startswith("storage")
            state, paths, had = OK, (2, 2) if two else (1, 1), None
            if w["label"] == "storage-b" and rack == "rack5" and int(n["name"][-2:]) <= 12:
                state, paths, had = DEGRADED, (1, 2), 2
            if w["label"] == "storage-a" and n["name"] in ("rack1-04", "rack6-11"):
                state, paths, had = LOST, (0, 2), 2
            if silent:
                state = UNKNOWN
            if n["name"] == "rack8-22":
                state = STUCK
            edges.append(edge(n, w, state, paths, had,
                              [f"bond0.{w['vlan']}" if two else "eth0"]))
        for link in ("eth4", "eth5"):
            p = port(n["name"], link, len(resources))
            resources.append(p)
            dark = link == "eth5" and (rack == "rack3" or n["name"] == "rack1-07")
            edges.append(edge(n, p, UNKNOWN if silent else LOST if dark else OK,
                              (0 if dark else 1, 1)))
    rng.shuffle(nodes)
    rng.shuffle(resources)
    rng.shuffle(edges)
    count(nodes, resources, edges)
    return nodes, resources, edges


STATUS = {"version": "0.1.0", "db_id": an_id("database"), "epoch": 3, "start_no": 12,
          "uptime_ms": 93784000, "mode": "normal", "nodes_up": 2, "nodes_suspect": 0,
          "nodes_down": 1, "nodes_pending": 0, "nodes_quarantined": 0, "sections_stuck": 1,
          "resources": 6, "edges_ok": 3, "edges_degraded": 1, "edges_lost": 2, "edges_unknown": 3,
          "edges_stuck": 1, "messages_received": 123456, "messages_dropped": 7,
          "drops": ["malformed 5", "unknown-key 2"], "commits": 4000, "event_no": E,
          "server_key": "0123456789abcdef" * 4}


def status(**changed):
    return {"status": {**STATUS, **changed}}


def event(no, kind, severity, text, n=None, resource=None, after_s=0):
    fields = {"no": no, "wall_ms": WALL + after_s * 1000, "kind": kind, "severity": severity,
              "text": text, "generation": G - 100 + no}
    if n is not None:
        fields.update(node=an_id(n), node_name=n)
    if resource is not None:
        fields.update(resource=an_id("network " + resource), resource_label=resource)
    return fields


def events():
    return [
        event(101, "coordinator.started", "info",
              "The coordinator has started (start 12 of epoch 3); what it knows of 3 nodes is "
              "unknown until each has confirmed it."),
        event(102, "node.up", "info", "node1 is up.", "node1", after_s=1),
        event(103, "edge.degraded", "warning",
              "node2 half-sees storage-a: 1 of 2 paths, had 2; through bond0.100.", "node2",
              "storage-a", 65),
        event(104, "edge.lost", "error", "node2 has lost mgmt.", "node2", "mgmt", 66),
        event(117, "node.down", "error", "node10 is down: silent for 30 s.", "node10",
              after_s=700),
    ]


def sections():
    nics = [{"name": "eth0", "kind": "physical", "mac": "02:4d:00:00:00:01", "operstate": "up",
             "carrier": True, "admin_up": True, "speed_mbps": 10000, "driver": "ixgbe",
             "mtu_bytes": 1500, "altnames": ["enp3s0f0"], "paths_active": 1, "paths_total": 1,
             "rx_bytes": 123456789},
            {"name": "eth1", "kind": "physical", "mac": "02:4d:00:00:00:02", "operstate": "down",
             "admin_up": True, "carrier": False, "driver": "ixgbe", "master": "bond0"},
            {"name": "eth2", "kind": "physical", "mac": "02:4d:00:00:00:03", "operstate": "up",
             "admin_up": True, "carrier": True, "speed_mbps": 25000, "driver": "mlx5_core",
             "master": "bond0"}]
    return [
        {"section": 0, "status": 1, "generation": 2, "age_ms": 1200, "status_age_ms": 90000,
         "system": [{"hostname": "node2", "vendor": "ACME", "product_name": "Pizza Box 2000",
                     "product_serial": "S-0002", "os": "Debian GNU/Linux 12 (bookworm)",
                     "kernel_release": "6.1.0-27-amd64", "xen_version": "4.17.4", "dom0": True,
                     "memory_total_bytes": 4194304 * 1024, "uptime_ms": 86400000}]},
        {"section": 1, "status": 1, "generation": 1, "age_ms": 1200, "status_age_ms": 90000,
         "cpu": [{"vendor": "GenuineIntel", "model_name": "Intel(R) Xeon(R) Gold 6338 CPU",
                  "sockets": 2, "cores": 64, "threads": 128, "flags": ["avx2", "nx"],
                  "microcode": "0xd0003d1"}]},
        {"section": 2, "status": 1, "generation": 9, "age_ms": 1200, "status_age_ms": 90000,
         "nics": nics},
        {"section": 3, "status": 1, "generation": 4, "age_ms": 1200, "status_age_ms": 90000,
         "bonds": [{"name": "bond0", "mode": "802.3ad", "operstate": "up",
                    "slaves": ["eth1", "eth2"], "paths_active": 1, "paths_total": 2}]},
        {"section": 4, "status": 3, "status_text": "netlink: No buffer space available",
         "generation": 2, "age_ms": 61000, "status_age_ms": 60000,
         "vlans": [{"name": "bond0.100", "operstate": "up", "base_link": "bond0", "tags": "100"}]},
        {"section": 5, "status": 2, "status_text": "this machine has no bridges", "generation": 1,
         "age_ms": 1200, "status_age_ms": 90000},
        {"section": 6, "status": 4, "status_text": "the worker does not answer", "generation": 3,
         "age_ms": 580000, "status_age_ms": 579000,
         "lldp": [{"key": "eth2/sw7/17", "interface": "eth2", "chassis_name": "tor-7b",
                   "port_id": "Ethernet17", "port_descr": "rack 7, node2, right"}]},
        {"section": 16, "status": 1, "generation": 1, "age_ms": 1200, "status_age_ms": 90000,
         "xen": [{"guest_kinds": ["hvm-3.0-x86_64", "xen-3.0-x86_64"],
                  "memory_physical_bytes": 256 << 30, "memory_free_bytes": 96 << 30, "sockets": 2,
                  "cores": 64, "threads": 128, "hvm": True, "hap": True, "iommu": False,
                  "featureset_host": "00000001:42000000", "featureset_hvm_max": "00000001:02000000",
                  "features_host": ["aesni", "fpu", "rdrand"],
                  "features_hvm_max": ["aesni", "fpu"]}]},
        {"section": 17, "status": 1, "generation": 5, "age_ms": 1200, "status_age_ms": 90000,
         "status_text": "names of domains are not known: xenstore did not answer in 1000 ms",
         "domains": [{"domid": "0", "kind": "pv", "state": "running", "vcpus": 8,
                      "memory_bytes": 4 << 30, "name": "Domain-0"},
                     {"domid": "7", "kind": "pvh", "state": "paused", "vcpus": 4,
                      "memory_bytes": 16 << 30, "memory_max_bytes": 16 << 30,
                      "uuid": "5b1a8c0e-5f0e-4c69-8d4b-6d0d5e7c1ab5"}]},
    ]


def evidence():
    return [
        {"depth": 0, "what": "network", "name": "storage-a", "state": "degraded",
         "text": "node2 sees it through bond0.100: 1 of 2 paths, had 2 until 2026-11-24 16:10:51."},
        {"depth": 1, "what": "vlan", "name": "bond0.100", "state": "ok", "text": "VLAN 100 on bond0."},
        {"depth": 2, "what": "bond", "name": "bond0", "state": "degraded",
         "text": "802.3ad with eth1 and eth2; 1 of 2 ports is in the active aggregator."},
        {"depth": 3, "what": "nic", "name": "eth1", "state": "lost", "text": "No carrier.",
         "mend": "Look at the cable and at the switch's port: the last neighbour was tor-7a port "
                 "Ethernet17."},
        {"depth": 3, "what": "nic", "name": "eth2", "state": "ok", "text": "25000 Mbit/s."},
        {"depth": 4, "what": "lldp", "name": "tor-7b", "state": "info",
         "text": "Its neighbour is tor-7b port Ethernet17 (rack 7, node2, right)."},
        {"depth": 1, "what": "section", "name": "lldp", "state": "stuck",
         "text": "The worker does not answer since 9 min."},
    ]


def networks():
    return [{"id": an_id("network storage-a"), "name": "storage-a", "vlan": 100,
             "matches": ["*/bond0"], "ports": 3, "created_ms": WALL - 7200000},
            {"id": an_id("network lab"), "name": "lab", "vlan": 7,
             "matches": ["rack7-*/eth0", "rack8-*/eth1", "node1/eth1"], "ports": 1,
             "created_ms": WALL - 7000000},
            {"id": an_id("network mgmt"), "name": "mgmt", "vlan": 0, "matches": ["*/eth0"],
             "ports": 3, "created_ms": WALL - 7100000}]


def tokens(count, **more):
    return [{"id": f"{i:08x}", "role": "node", "expires_ms": WALL + 86400000,
             "created_ms": WALL, "state": "unused", **more} for i in range(count)]


def client(name, i, **more):
    return {"name": name, "key": f"{i:02x}" * 32, "role": "observer", "state": "active",
            "created_ms": WALL, **more}


# ---- whole coordinators --------------------------------------------------------------------------


def coordinator(encoder, parts, **state):
    nodes, resources, edges = parts
    s = Script(encoder)
    s.say("HELLO", status()).say("STATUS", status(**state)).say("NODE_LIST", {"nodes": nodes})
    s.say("SNAPSHOT", {"nodes": nodes, "resources": resources, "edges": edges})
    s.say("RESOURCE_LIST", {"resources": resources})
    s.say("NETWORK_LIST", {"networks": networks()})
    s.say("EVENTS", {"events": events()})
    return s
