# SPDX-License-Identifier: GPL-2.0-or-later
"""What a host's `ip -j -d link` says of its NICs, bonds, VLANs and bridges, held against what muster says."""
import json
import re

from lab_harness import check

GUESTS = ("tun", "veth")


def _link(link):
    return {"ifindex": link["ifindex"], "mac": link["address"], "mtu_bytes": link["mtu"],
            "admin_up": "UP" in link["flags"], "operstate": link["operstate"].lower(), "master": link.get("master"),
            "alias": link.get("ifalias")}


def _bridge_id(text):
    """ip leaves zeros out."""
    priority, _, mac = text.partition(".")
    return priority + "." + ":".join(part.rjust(2, "0") for part in mac.split(":"))


def _nic(link, _):
    slave = link.get("linkinfo", {}).get("info_slave_data", {}) if _slave_of(link) == "bond" else {}
    return {**_link(link), "bond_state": slave.get("state", "").lower() or None,
            "bond_mii_status": slave.get("mii_status", "").lower() or None,
            "bond_aggregator_id": slave.get("ad_aggregator_id"), "bond_link_failures": slave.get("link_failure_count")}


def _slave_of(link):
    return link.get("linkinfo", {}).get("info_slave_kind")


def _bond(link, links):
    data = link["linkinfo"]["info_data"]
    lacp = data.get("ad_info", {})
    partner = lacp.get("partner_mac", "00:00:00:00:00:00")
    return {**_link(link), "mode": data["mode"], "miimon_ms": data["miimon"],
            "slaves": sorted(x["ifname"] for x in links if x.get("master") == link["ifname"]),
            "active_slave": data.get("active_slave"), "primary_slave": data.get("primary"),
            "lacp_rate": data.get("ad_lacp_rate"), "aggregator_id": lacp.get("aggregator"),
            "aggregator_ports": lacp.get("num_ports"),
            "partner_mac": None if partner == "00:00:00:00:00:00" else partner}


def _vlan(link, _):
    data = link["linkinfo"]["info_data"]
    return {**_link(link), "link": link["link"], "vlan_id": data["id"], "protocol": data["protocol"]}


def _bridge(link, links):
    data = link["linkinfo"]["info_data"]
    out = _link(link)
    del out["master"]
    return {**out, "stp": bool(data["stp_state"]), "vlan_filtering": bool(data["vlan_filtering"]),
            "vlan_protocol": data["vlan_protocol"], "bridge_id": _bridge_id(data["bridge_id"]),
            "ports": sorted(x["ifname"] for x in links if x.get("master") == link["ifname"])}


SECTIONS = {"bonds": ("bond", _bond), "vlans": ("vlan", _vlan), "bridges": ("bridge", _bridge)}


def look(host):
    """{(section, link): what its host says of it}"""
    text, roots = host.shell("ip -j -d link; echo ===; shopt -s nullglob; for f in /sys/class/net/*/bridge/root_id; "
                             "do echo $f $(<$f); done").stdout.split("===\n")
    links, found = json.loads(text), {}
    for link in links:
        kind = link.get("linkinfo", {}).get("info_kind")
        if kind is None and link["link_type"] == "ether":
            found["nics", link["ifname"]] = _nic(link, links)
        for section, (of, facts) in SECTIONS.items():
            if kind == of:
                found[section, link["ifname"]] = facts(link, links)
    for line in roots.splitlines():  # ip gives the bridge's own for it (iproute2 6.1)
        path, root = line.split()
        priority, _, mac = root.partition(".")
        found["bridges", path.split("/")[4]]["root_id"] = f"{priority}." + ":".join(re.findall("..", mac))
    return found


def differences(t, host):
    """As truth.differences."""
    theirs, sections = look(host), t.muster("node", "show", host.name)["sections"]
    ours = {(s, row["name"]): row for s in ("nics", *SECTIONS) for row in sections[s]["rows"]}
    faults = [f"{host.name}: {what} is known to one of both alone" for what in set(ours) ^ set(theirs)]
    compared = 0
    for what in set(ours) & set(theirs):
        for field, value in theirs[what].items():
            compared += 1
            if ours[what].get(field) != value:
                faults.append(f"{host.name}: {field} of {what[1]}: muster {ours[what].get(field)!r}, ip {value!r}")
    return faults, compared


def agree(t, hosts, limit_s=120.0):
    """Waits until muster and each host say the same."""
    for host in hosts:
        _, compared = t.wait(lambda h=host: differences(t, h), lambda seen: not seen[0] and seen[1],
                             f"what muster says of {host.name}'s links is what ip says", limit_s)
        check(compared > 20, "hardly anything was compared")
        t.say(f"  {compared} facts compared")
