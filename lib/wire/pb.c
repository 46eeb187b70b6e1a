/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/pb.h"

#include "client.pb-c.h"
#include "inventory.pb-c.h"
#include "node.pb-c.h"
#include "wire/messages.h"
#include "worker.pb-c.h"

#define PAIR(name)                                  \
    {                                               \
        &name##_desc, &muster__##name##__descriptor \
    }

const struct pb_pair pb_pairs[] = {
    PAIR(envelope),
    PAIR(request),
    PAIR(reply),
    PAIR(report),
    PAIR(worker_request),
    PAIR(worker_result),
    PAIR(section_body),
    PAIR(identity),
    PAIR(memory),
    PAIR(section_state),
    PAIR(enrol),
    PAIR(node_register),
    PAIR(heartbeat),
    PAIR(goodbye),
    PAIR(enrolled),
    PAIR(registered),
    PAIR(heartbeat_ack),
    PAIR(report_ack),
    PAIR(refused),
    PAIR(status_info),
    PAIR(node_info),
    PAIR(resource_info),
    PAIR(edge_info),
    PAIR(event_info),
    PAIR(network_info),
    PAIR(evidence),
    PAIR(token_info),
    PAIR(system),
    PAIR(cpu),
    PAIR(nic),
    PAIR(bond),
    PAIR(vlan),
    PAIR(bridge),
    PAIR(lldp),
};
const size_t pb_pair_count = ARRAY_LEN(pb_pairs);

const ProtobufCMessageDescriptor *pb_of(const struct record_desc *d)
{
    for (size_t i = 0; i < ARRAY_LEN(pb_pairs); i++) {
        if (pb_pairs[i].rec == d)
            return pb_pairs[i].pb;
    }
    return NULL;
}
