# SPDX-License-Identifier: GPL-2.0-or-later
"""What a host's own kernel and tools say of its storage, held against what muster says. The tools (lsblk,
iscsiadm, multipathd) and this file share no code with the collectors."""
import json
import re

from muster_lab.agent import Silent

COMMAND = r"""
shopt -s nullglob
for d in /sys/class/scsi_disk/*/device; do
    block=("$d"/block/*)
    [ ${#block[@]} = 1 ] || continue
    read -r size <"${block[0]}/size"
    read -r state <"$d/state"
    read -r wwid <"$d/wwid"
    address=${d%/device}
    page=$(od -An -v -tx1 "$d/vpd_pg83")
    port=(- - - - -)
    way=$(readlink -f "$d") # .../host2/rport-2:0-1/target2:0:0/2:0:0:1
    if [[ $way == */rport-* ]]; then
        number=${way##*/rport-} number=${number%%:*}
        remote=/sys/class/fc_remote_ports/rport-${way##*/rport-}
        remote=${remote%%/target*}
        read -r "port[0]" </sys/class/fc_host/host$number/port_name
        for i in 1:node_name 2:port_name 3:port_id 4:port_state; do
            read -r "port[${i%:*}]" <"$remote/${i#*:}"
        done
    fi
    echo "${block[0]##*/} ${address##*/} $size $state $wwid ${page//[[:space:]]/} ${port[*]}"
done
echo ===
for h in /sys/class/fc_host/host*; do
    echo "${h##*/} $(<"$h/port_name") $(<"$h/node_name") $(<"$h/port_id") $(<"$h/port_state")"
done
echo ===
lsblk -J -o NAME,TYPE,SIZE -b
echo ===
[ ! -d /sys/class/iscsi_session ] || iscsiadm -m session -P 3
echo ===
! pidof multipathd >/dev/null || multipathd show paths raw format "%d %t"
"""


FIBRE = ("fc", "fcoe")


def _iscsi(text):
    """{disk: (target, portal)} of `iscsiadm -m session -P 3`, which never prints passwords without -S."""
    found, target, portal = {}, None, None
    for line in text.splitlines():
        m = re.match(r"Target: (\S+)", line)
        target = m.group(1) if m else target
        m = re.match(r"\s*Current Portal: (\S+),\d+", line)
        portal = m.group(1) if m else portal
        m = re.match(r"\s*Attached scsi disk (\S+)\s", line)
        if m:
            found[m.group(1)] = (target, portal)
    return found


def _maps(tree):
    """{disk: map} of lsblk's tree."""
    return {disk["name"]: child["name"] for disk in tree["blockdevices"] for child in disk.get("children", [])
            if child["type"] == "mpath"}


def look(host):
    """{disk, or HBA of Fibre Channel: what its host says of it}"""
    disks, hbas, tree, sessions, paths = host.shell(COMMAND, 90).stdout.split("===\n")
    maps, iscsi = _maps(json.loads(tree)), _iscsi(sessions)
    map_states = dict(line.split() for line in paths.splitlines() if len(line.split()) == 2)
    found = {}
    for line in disks.splitlines():
        name, address, sectors, state, wwid, page, initiator, *port = line.split()
        target, portal = iscsi.get(name, (None, None))
        is_fibre = initiator != "-"
        found[name] = {"address": address, "size_bytes": int(sectors) * 512, "state": state, "lun": wwid,
                       "map": maps.get(name), "target": port[0] if is_fibre else target, "portal": portal, "page_83": page,
                       "hba": "host" + address.split(":")[0],
                       "ports": (initiator, *port[1:]) if is_fibre else None,
                       "map_state": {"active": "active", "failed": "failed"}.get(map_states.get(name))}
    for line in hbas.splitlines():
        name, *facts = line.split()
        found[name] = dict(zip(("port_name", "node_name", "port_id", "port_state"), facts))
    return found


def _fibre_ports(row):
    return tuple(row.get(k) for k in ("initiator_port", "target_port", "target_port_id", "target_port_state"))


def said(t, host):
    """The same in muster's words."""
    sections = t.muster("node", "show", host.name)["sections"]
    maps = {row["key"]: row.get("map") for row in sections["luns"]["rows"]}
    hbas = {row["name"]: {k: row.get(k) for k in ("port_name", "node_name", "port_id", "port_state")}
            for row in sections["hbas"]["rows"] if row["transport"] in FIBRE}
    return {**hbas, **{row["device"]: {
        **{k: row.get(k) for k in ("address", "size_bytes", "state", "lun", "target", "portal", "map_state", "hba")},
        "map": maps.get(row["lun"]), "ports": _fibre_ports(row) if row["transport"] in FIBRE else None}
        for row in sections["paths"]["rows"]}}


def differences(t, host):
    """Sentences on what muster says otherwise than the host itself; and the number of facts compared."""
    try:
        theirs, ours = look(host), said(t, host)
    except Silent as e:
        return [str(e)], 0
    faults, compared = [], 0
    for name in sorted({*theirs, *ours}):
        a, b = ours.get(name), theirs.get(name)
        if a is None or b is None:
            faults.append(f"{host.name}: {name} is known to {'the host' if a is None else 'muster'} alone")
            continue
        for field in a:
            compared += 1
            if a[field] != b[field]:
                faults.append(f"{host.name}: {field} of {name}: muster {a[field]!r}, the host {b[field]!r}")
    return faults, compared


def agree(t, hosts, limit_s=120.0):
    """Waits until muster and each host say the same."""
    for host in hosts:
        _, compared = t.wait(lambda h=host: differences(t, h), lambda seen: not seen[0] and seen[1],
                             f"what muster says of {host.name} is what its own tools say", limit_s)
        t.say(f"  {compared} facts compared")


def same_pages(hosts):
    """VPD page 0x83, less what is the port's own, is the same for a LUN on every path of every host."""
    seen = {}
    for host in hosts:
        for name, disk in look(host).items():
            if "page_83" not in disk:
                continue
            unit = tuple(d for d in _designators(bytes.fromhex(disk["page_83"])) if d[0] == 0)
            seen.setdefault(disk["lun"], {}).setdefault(unit, []).append(f"{host.name}/{name}")
    for lun, variants in seen.items():
        assert len(variants) == 1, f"{lun} has different pages 0x83: {variants}"
    return {lun: sum(len(v) for v in variants.values()) for lun, variants in seen.items()}


def _designators(page):
    """(association, type, bytes) of each designator; SPC-4, 7.8.6."""
    at, end = 4, 4 + int.from_bytes(page[2:4], "big")
    while at + 4 <= end:
        length = page[at + 3]
        yield page[at + 1] >> 4 & 3, page[at + 1] & 15, page[at + 4:at + 4 + length]
        at += 4 + length
