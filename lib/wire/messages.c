/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The descriptions of all messages, made of the lists in messages.h. */
#include "wire/messages.h"

/* clang-format off */
#define X(TYPE, member, tag, flags, help) RECORD_FIELD(OWNER, TYPE, member, tag, flags, help)
#define XREC(sub, member, tag, flags, help) RECORD_FIELD_REC(OWNER, sub, member, tag, flags, help)
#define XRECS(sub, member, tag, flags, help) RECORD_FIELD_RECS(OWNER, sub, member, tag, flags, help)

#define OWNER identity
static const struct field identity_fields[] = { IDENTITY_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER memory
static const struct field memory_fields[] = { MEMORY_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER section_state
static const struct field section_state_fields[] = { SECTION_STATE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER section_body
static const struct field section_body_fields[] = { SECTION_BODY_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER enrol
static const struct field enrol_fields[] = { ENROL_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER right
static const struct field right_fields[] = { RIGHT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER order_key
static const struct field order_key_fields[] = { ORDER_KEY_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER node_register
static const struct field node_register_fields[] = { REGISTER_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER heartbeat
static const struct field heartbeat_fields[] = { HEARTBEAT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER report
static const struct field report_fields[] = { REPORT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER goodbye
static const struct field goodbye_fields[] = { GOODBYE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER enrolled
static const struct field enrolled_fields[] = { ENROLLED_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER registered
static const struct field registered_fields[] = { REGISTERED_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER heartbeat_ack
static const struct field heartbeat_ack_fields[] = { HEARTBEAT_ACK_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER report_ack
static const struct field report_ack_fields[] = { REPORT_ACK_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER refused
static const struct field refused_fields[] = { REFUSED_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER lease_request
static const struct field lease_request_fields[] = { LEASE_REQUEST_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER lease_renew
static const struct field lease_renew_fields[] = { LEASE_RENEW_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER image
static const struct field image_fields[] = { IMAGE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER scan_result
static const struct field scan_result_fields[] = { SCAN_RESULT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER reach_result
static const struct field reach_result_fields[] = { REACH_RESULT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER decline
static const struct field decline_fields[] = { DECLINE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER offer
static const struct field offer_fields[] = { OFFER_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER granted
static const struct field granted_fields[] = { GRANTED_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER denied
static const struct field denied_fields[] = { DENIED_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER renewed
static const struct field renewed_fields[] = { RENEWED_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER result_ack
static const struct field result_ack_fields[] = { RESULT_ACK_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER rescan_want
static const struct field rescan_want_fields[] = { RESCAN_WANT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER rescan_noted
static const struct field rescan_noted_fields[] = { RESCAN_NOTED_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER rescan_order
static const struct field rescan_order_fields[] = { RESCAN_ORDER_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER rescan_result
static const struct field rescan_result_fields[] = { RESCAN_RESULT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER vg_info
static const struct field vg_info_fields[] = { VG_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER vg_node
static const struct field vg_node_fields[] = { VG_NODE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER vg_ask
static const struct field vg_ask_fields[] = { VG_ASK_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER lvm_order
static const struct field lvm_order_fields[] = { LVM_ORDER_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER lvm_result
static const struct field lvm_result_fields[] = { LVM_RESULT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER lvm_refresh
static const struct field lvm_refresh_fields[] = { LVM_REFRESH_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER lvm_refreshed
static const struct field lvm_refreshed_fields[] = { LVM_REFRESHED_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER change_device
static const struct field change_device_fields[] = { CHANGE_DEVICE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER lvm_change
static const struct field lvm_change_fields[] = { LVM_CHANGE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER refresh_work
static const struct field refresh_work_fields[] = { REFRESH_WORK_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER refresh_result
static const struct field refresh_result_fields[] = { REFRESH_RESULT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER envelope
static const struct field envelope_fields[] = { ENVELOPE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER request
static const struct field request_fields[] = { REQUEST_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER status_info
static const struct field status_info_fields[] = { STATUS_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER node_info
static const struct field node_info_fields[] = { NODE_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER resource_info
static const struct field resource_info_fields[] = { RESOURCE_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER edge_info
static const struct field edge_info_fields[] = { EDGE_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER event_info
static const struct field event_info_fields[] = { EVENT_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER network_info
static const struct field network_info_fields[] = { NETWORK_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER evidence
static const struct field evidence_fields[] = { EVIDENCE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER token_info
static const struct field token_info_fields[] = { TOKEN_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER client_info
static const struct field client_info_fields[] = { CLIENT_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER use_info
static const struct field use_info_fields[] = { USE_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER scan_order
static const struct field scan_order_fields[] = { SCAN_ORDER_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER rescan_work
static const struct field rescan_work_fields[] = { RESCAN_WORK_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER scan_extend
static const struct field scan_extend_fields[] = { SCAN_EXTEND_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER lease_info
static const struct field lease_info_fields[] = { LEASE_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER task_info
static const struct field task_info_fields[] = { TASK_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER job_info
static const struct field job_info_fields[] = { JOB_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER image_info
static const struct field image_info_fields[] = { IMAGE_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER reach_info
static const struct field reach_info_fields[] = { REACH_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER dependent
static const struct field dependent_fields[] = { DEPENDENT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER placement
static const struct field placement_fields[] = { PLACEMENT_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER place_node
static const struct field place_node_fields[] = { PLACE_NODE_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER place_reason
static const struct field place_reason_fields[] = { PLACE_REASON_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER fs_info
static const struct field fs_info_fields[] = { FS_INFO_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER reply
static const struct field reply_fields[] = { REPLY_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER worker_request
static const struct field worker_request_fields[] = { WORKER_REQUEST_LIST(X, XREC, XRECS) };
#undef OWNER
#define OWNER worker_result
static const struct field worker_result_fields[] = { WORKER_RESULT_LIST(X, XREC, XRECS) };
#undef OWNER
/* clang-format on */

#define DESC(type)                                                                             \
    const struct record_desc type##_desc = { #type, type##_fields, type##_FIELD_COUNT,         \
                                             sizeof(struct type) };                            \
    _Static_assert(ARRAY_LEN(type##_fields) == type##_FIELD_COUNT, "one description a field"); \
    _Static_assert(type##_FIELD_COUNT <= 64, "`present` has a bit for each field")

DESC(identity);
DESC(memory);
DESC(section_state);
DESC(section_body);
DESC(enrol);
DESC(node_register);
DESC(heartbeat);
DESC(report);
DESC(goodbye);
DESC(enrolled);
DESC(registered);
DESC(heartbeat_ack);
DESC(report_ack);
DESC(refused);
DESC(right);
DESC(lease_request);
DESC(lease_renew);
DESC(scan_result);
DESC(reach_result);
DESC(decline);
DESC(order_key);
DESC(offer);
DESC(granted);
DESC(denied);
DESC(renewed);
DESC(result_ack);
DESC(image);
DESC(rescan_want);
DESC(rescan_noted);
DESC(rescan_order);
DESC(rescan_result);
DESC(vg_info);
DESC(vg_node);
DESC(vg_ask);
DESC(lvm_order);
DESC(lvm_result);
DESC(lvm_refresh);
DESC(lvm_refreshed);
DESC(change_device);
DESC(lvm_change);
DESC(refresh_work);
DESC(refresh_result);
DESC(envelope);
DESC(request);
DESC(status_info);
DESC(node_info);
DESC(resource_info);
DESC(edge_info);
DESC(event_info);
DESC(network_info);
DESC(evidence);
DESC(token_info);
DESC(client_info);
DESC(use_info);
DESC(scan_order);
DESC(rescan_work);
DESC(scan_extend);
DESC(lease_info);
DESC(task_info);
DESC(job_info);
DESC(image_info);
DESC(reach_info);
DESC(dependent);
DESC(placement);
DESC(place_node);
DESC(place_reason);
DESC(fs_info);
DESC(reply);
DESC(worker_request);
DESC(worker_result);

const char *refuse_reason_name(enum refuse_reason r)
{
    static const char *const names[] = {
        [REFUSE_MALFORMED] = "malformed",
        [REFUSE_VERSION] = "version",
        [REFUSE_TOO_LARGE] = "too-large",
        [REFUSE_UNKNOWN_KEY] = "unknown-key",
        [REFUSE_ROLE] = "role",
        [REFUSE_IDENTITY] = "identity",
        [REFUSE_RETIRED_BOOT] = "retired-boot",
        [REFUSE_REPLAY] = "replay",
        [REFUSE_FLOOD] = "flood",
        [REFUSE_QUARANTINED] = "quarantined",
        [REFUSE_PENDING] = "pending",
        [REFUSE_NOT_REGISTERED] = "not-registered",
        [REFUSE_RECOVER] = "recover",
        [REFUSE_BUSY] = "busy",
    };

    return (size_t)r < ARRAY_LEN(names) && names[r] != NULL ? names[r] : "unknown";
}

const char *edge_state_name(enum edge_state s)
{
    static const char *const names[] = {
        [EDGE_OK] = "ok",       [EDGE_DEGRADED] = "degraded",
        [EDGE_LOST] = "lost",   [EDGE_UNKNOWN] = "unknown",
        [EDGE_STUCK] = "stuck", [EDGE_QUARANTINED] = "quarantined",
    };

    return (size_t)s < ARRAY_LEN(names) && names[s] != NULL ? names[s] : "unknown";
}

static const char *const kind_names[] = {
    [RESOURCE_NETWORK] = "network",
    [RESOURCE_LUN] = "lun",
    [RESOURCE_VG] = "vg",
    [RESOURCE_LV] = "lv",
    [RESOURCE_FILESYSTEM] = "filesystem",
    [RESOURCE_IMAGE] = "image",
};
static const char *const role_names[] = { "none", "node", "observer", "operator" };

static int find_name(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (names[i] != NULL && strcmp(names[i], name) == 0)
            return (int)i;
    }
    return -1;
}

const char *resource_kind_name(enum resource_kind k)
{
    return (size_t)k < ARRAY_LEN(kind_names) && kind_names[k] != NULL ? kind_names[k] : "unknown";
}

int resource_kind_by_name(const char *name)
{
    return find_name(kind_names, ARRAY_LEN(kind_names), name);
}

const char *role_name(enum role r)
{
    return (size_t)r < ARRAY_LEN(role_names) ? role_names[r] : "none";
}

int role_by_name(const char *name)
{
    return find_name(role_names, ARRAY_LEN(role_names), name);
}
