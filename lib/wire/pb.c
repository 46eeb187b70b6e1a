/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/pb.h"

#include "base/limits.h"
#include "client.pb-c.h"
#include "inventory.pb-c.h"
#include "node.pb-c.h"
#include "wire/messages.h"
#include "worker.pb-c.h"

#define PAIR(name, limit)                                  \
    {                                                      \
        &name##_desc, &muster__##name##__descriptor, limit \
    }
/* Sent as a part of others alone. */
#define PART(name) PAIR(name, LIMIT_REPLY_BYTES)

const struct pb_pair pb_pairs[] = {
    PAIR(envelope, LIMIT_NODE_MESSAGE_BYTES),
    PAIR(request, LIMIT_CLIENT_MESSAGE_BYTES),
    PAIR(reply, LIMIT_REPLY_BYTES),
    PAIR(report, LIMIT_WORKER_RESULT_BYTES),
    PAIR(worker_request, LIMIT_WORKER_MESSAGE_BYTES),
    PAIR(worker_result, LIMIT_WORKER_MESSAGE_BYTES),
    PAIR(scan_order, LIMIT_WORKER_MESSAGE_BYTES),
    PAIR(scan_extend, LIMIT_WORKER_MESSAGE_BYTES),
    PAIR(scan_result, LIMIT_WORKER_RESULT_BYTES),
    PAIR(reach_result, LIMIT_WORKER_RESULT_BYTES),
    PAIR(rescan_work, LIMIT_WORKER_MESSAGE_BYTES),
    PAIR(rescan_result, LIMIT_WORKER_RESULT_BYTES),
    PART(section_body),
    PART(identity),
    PART(memory),
    PART(section_state),
    PART(enrol),
    PART(node_register),
    PART(heartbeat),
    PART(goodbye),
    PART(enrolled),
    PART(registered),
    PART(heartbeat_ack),
    PART(report_ack),
    PART(refused),
    PART(status_info),
    PART(node_info),
    PART(resource_info),
    PART(edge_info),
    PART(event_info),
    PART(network_info),
    PART(evidence),
    PART(token_info),
    PART(client_info),
    PART(use_info),
    PART(right),
    PAIR(lvm_result, LIMIT_WORKER_RESULT_BYTES),
    PAIR(lvm_refreshed, LIMIT_WORKER_RESULT_BYTES),
    PAIR(lvm_change, LIMIT_WORKER_MESSAGE_BYTES),
    PAIR(refresh_work, LIMIT_WORKER_MESSAGE_BYTES),
    PAIR(refresh_result, LIMIT_WORKER_RESULT_BYTES),
    PART(vg_ask),
    PART(vg_info),
    PART(vg_node),
    PART(lvm_order),
    PART(lvm_refresh),
    PART(change_device),
    PART(order_key),
    PART(offer),
    PART(lease_request),
    PART(granted),
    PART(denied),
    PART(lease_renew),
    PART(renewed),
    PART(image),
    PART(rescan_want),
    PART(rescan_noted),
    PART(rescan_order),
    PART(result_ack),
    PART(decline),
    PART(lease_info),
    PART(task_info),
    PART(job_info),
    PART(image_info),
    PART(reach_info),
    PART(dependent),
    PART(placement),
    PART(place_node),
    PART(place_reason),
    PART(fs_info),
    PART(system),
    PART(cpu),
    PART(nic),
    PART(bond),
    PART(vlan),
    PART(bridge),
    PART(lldp),
    PART(hba),
    PART(lun),
    PART(path),
    PART(partition),
    PART(pv),
    PART(vg),
    PART(lv),
    PART(filesystem),
    PART(use),
    PART(xen),
    PART(domain),
};
const size_t pb_pair_count = ARRAY_LEN(pb_pairs);

const struct pb_pair *pb_of(const struct record_desc *d)
{
    for (size_t i = 0; i < ARRAY_LEN(pb_pairs); i++) {
        if (pb_pairs[i].rec == d)
            return &pb_pairs[i];
    }
    return NULL;
}
