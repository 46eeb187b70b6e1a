/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases and holds on one filesystem (or conflict class), as ARCHITECTURE.md section 5 has them.
 * README.md says what is modelled, how far, and which guard each WITHOUT_ switch takes away. */

#ifndef NODES
#define NODES 3
#endif
#ifndef TOKENS
#define TOKENS 0 /* leases and holds that are granted, of all starts together; 0: any number */
#endif
#ifndef BOOTS
#define BOOTS 0 /* times that power goes, on all nodes together; 0: any number */
#endif
#ifndef RESTORES
#define RESTORES 0 /* an old database is put back, once: 1: muster's own backup, which says what it is;
                      2: a copy that looks as if it were the present one */
#endif

/* Time goes in ticks. A node's worker is dead NODE_END ticks after its request was sent, even by a
 * clock that is slow by e; the coordinator's end is never less than COORD_END ticks after it took the
 * request up, even by a clock that is fast by e. A worker may end, and a coordinator may be late, at
 * any time, so that clocks with other errors are in it too. A margin that is left out is a tick. */
#ifdef WITHOUT_NODE_MARGIN
#define NODE_END 3
#else
#define NODE_END 2
#endif
#ifdef WITHOUT_COORDINATOR_MARGIN
#define COORD_END 1
#else
#define COORD_END 2
#endif

/* node.right: what a node has, as it knows it itself. Its list says the same. */
#define NONE    0
#define ASKED   1
#define ALIVE   2 /* a worker that has it mounted, or will, or had a moment ago */
#define RESIDUE 3 /* no worker that can be killed any more; not proven unmounted */
/* node.row: what the coordinator's database has of this node: NONE, RESIDUE, or */
#define LIVE 2

/* node.asks, node.report: what the network has of the node */
#define SENT  1
#define LATER 2 /* not in this start of the coordinator, which has taken up a later one, or this one */
#ifdef TWICE
#define TAKEN LATER
#else
#define TAKEN 0
#endif

typedef node {
    /* the node */
    unsigned right : 2;   /* what it asked for by `request` */
    unsigned request : 3; /* its newest; only the order of these numbers means anything */
    unsigned left : 2;    /* ASKED: a grant may be used so long. ALIVE: its worker is dead then */
    unsigned renewal : 2; /* as `left`, from when the report was sent; 0: it does not renew */
    bit writes;           /* under a hold: it may have the filesystem mounted to write */
    bit off;              /* without power */

    /* the network: the newest request, the newest report, and answers */
    unsigned asks : 2;
    unsigned report : 2;
    unsigned after : 3; /* the report: sent after this request */
    unsigned list : 2;  /* the report: what the node has of that request */
    bit result;         /* the report: it brings what that request's worker has read */
    bit granted;        /* the answer to `request` is under way, for ever */
    bit renewed;        /* the answer to the renewal is under way */
    bit past;           /* asks and report are of the boot before */

    /* the coordinator */
    unsigned row : 2;
    unsigned row_request : 3;
    unsigned end : 2; /* LIVE: ticks that it has at least */
    bit row_past;     /* of the boot before */
    bit hold;
#if RESTORES
    bit untold; /* its rights are not known since an old database was put back, or recovered */
    bit uses;   /* the report: it is mounted to write here */
#endif
#if RESTORES == 2
    bit remembers;  /* it has heard what the old database does not know */
    bit reminds;    /* the report: it says so */
    bit lost_grant; /* the grant under way was sent before the old database was put back */
#endif
#ifdef WITHOUT_FULL_TTL
    unsigned stored_end : 2;
#endif
#ifdef WITHOUT_EARLIER
    bit granted_before;
#endif
#ifdef WITHOUT_LIST_IN_RUN
    bit lost; /* the supervisor does not know what its predecessor had */
#endif
#ifdef WITHOUT_DURABLE
    bit unsaved;
#endif
};
node n[NODES];

unsigned counter : 3; /* the last token's, in this epoch; not counted when TOKENS is 0 */
unsigned boots : 2;
#if RESTORES
bit epoch;
bit waiting; /* recover: nothing is granted or taken until the operator's word */
bit restored;
#if TOKENS
unsigned grants : 3;
unsigned highest : 4; /* token */
#endif
#endif
#if RESTORES == 2
bit old;             /* the database is an old one, and nobody has noticed */
unsigned settle : 2; /* ticks until leases of nodes that have not told are over */
#endif
#ifdef WITHOUT_HOLD_TOKEN
bit old_end; /* the end of an earlier hold is still under way */
#endif

#if NODES == 3
#define ANY(X)  (X(0) || X(1) || X(2))
#define SUM(X)  (X(0) + X(1) + X(2))
#define EACH(X) X(0); X(1); X(2)
#else
#define ANY(X)  (X(0) || X(1))
#define SUM(X)  (X(0) + X(1))
#define EACH(X) X(0); X(1)
#endif
#define IS_LIVE(i)    (n[i].row == LIVE)
#define HAS_ROW(i)    (n[i].row != NONE)
#define IS_ALIVE(i)   (n[i].right == ALIVE)
#define IS_MOUNTED(i) (n[i].right >= ALIVE)
#define WRITES(i)     (n[i].writes)
#define HOLDS(i)      (n[i].hold)

/* What follows every step, so that states that behave alike are one state: what can have no effect
 * any more is forgotten, numbers of requests keep their order alone, and nodes, which are alike, are
 * sorted. README.md says why each of these is exact. */
c_code {
#if defined(REMEMBER) || defined(WITHOUT_LIST_ORDER) || defined(WITHOUT_TOKEN_ON_RESULTS) ||      \
    defined(WITHOUT_EARLIER) || defined(WITHOUT_ASKED_IS_UNKNOWN)
#define MAY_FORGET 0
#else
#define MAY_FORGET 1
#endif

static void void_report(struct node *p)
{
    p->report = p->list = p->result = p->after = p->renewal = 0;
#if RESTORES
    p->uses = 0;
#endif
#if RESTORES == 2
    p->reminds = 0;
#endif
}

static void forget_what_is_void(struct node *p)
{
    int reads = p->row && (p->row_request <= p->after || (p->row_past && !p->past));

#if RESTORES
    reads = reads || p->untold || now.waiting;
#endif
#if RESTORES == 2
    reads = reads || now.old;
#endif
    if (p->right != ALIVE)
        p->renewal = p->renewed = 0;
    if (p->right == ASKED && !p->granted && !p->asks && MAY_FORGET)
        p->right = p->left = 0;
    if (p->right != ASKED)
        p->granted = 0;
    if (p->report && !reads && !(p->asks && p->after == p->request) && MAY_FORGET)
        void_report(p);
    if (!p->asks && !p->report)
        p->past = 0;
}

static void number_again(struct node *p)
{
    int idle = !p->right && !p->asks, row = p->row_request, report = p->after;
    int last = row > report ? row : report;
    int two = row && report && row != report;

    p->request = idle || p->request == last ? last : 7;
    if (row)
        p->row_request = 1 + (two && row > report);
    if (report)
        p->after = 1 + (two && report > row);
    if (p->request == last)
        p->request = (last != 0) + two;
    else
        p->request = (last != 0) + two + 1;
}

static void normalise(struct node *p)
{
    struct node swap;

    for (int i = 0; i < NODES; i++) {
        forget_what_is_void(p + i);
        number_again(p + i);
    }
    for (int i = 1; i < NODES; i++)
        for (int j = i; j > 0 && memcmp(p + j - 1, p + j, sizeof *p) > 0; j--) {
            swap = p[j];
            p[j] = p[j - 1];
            p[j - 1] = swap;
        }
}
}
#define DONE c_code { normalise(now.n); }

/* ---- properties */

#if RESTORES == 2
#define IS_OLD              old
#define KNOWS_BETTER(i)     (old && n[i].remembers) /* follows no such coordinator */
#define REMINDS(i)          (old && n[i].reminds)
#define LEASES_ARE_OVER     (old && settle == 0)
#define IS_RESTORED_UNSEEN  restored
#else
#define IS_OLD              0
#define KNOWS_BETTER(i)     0
#define REMINDS(i)          0
#define LEASES_ARE_OVER     0
#define IS_RESTORED_UNSEEN  0
#endif

/* Exclusion; and no hold ends while its writer may write, whatever time goes by. Of a hold that was
 * lost with its database, and whose node is silent, nobody can know: no second one is granted, but a
 * scan may be. */
inline check_exclusion()
{
    assert(SUM(IS_ALIVE) <= 1 && SUM(WRITES) <= 1);
    assert(IS_RESTORED_UNSEEN || !(ANY(IS_ALIVE) && ANY(WRITES)))
}

/* What is taken was read under the lease that is live now: nobody has had a right since. */
inline check_result(i)
{
    assert(n[i].row == LIVE && n[i].row_request == n[i].after);
    assert(!ANY(IS_ALIVE) && SUM(IS_LIVE) == 1);
    assert(IS_RESTORED_UNSEEN || !ANY(WRITES))
}

/* Tokens grow. In a database that nobody knows yet to be an old one they cannot. */
inline next_token()
{
#if RESTORES && TOKENS
    counter++;
    grants++;
    assert(IS_OLD || epoch * 8 + counter > highest);
    highest = epoch * 8 + counter
#elif TOKENS
    counter++
#else
    skip
#endif
}
#if RESTORES && TOKENS
#define TOKEN_LEFT (grants < TOKENS)
#elif TOKENS
#define TOKEN_LEFT (counter < TOKENS)
#else
#define TOKEN_LEFT 1
#endif

/* ---- the coordinator */

inline no_row(i)
{
    n[i].row = NONE;
    n[i].row_request = 0;
    n[i].end = 0;
    n[i].row_past = 0;
#ifdef WITHOUT_FULL_TTL
    n[i].stored_end = 0;
#endif
#ifdef WITHOUT_DURABLE
    n[i].unsaved = 0;
#endif
}

inline row_is_residue(i)
{
    n[i].row = RESIDUE;
    n[i].end = 0;
#ifdef WITHOUT_FULL_TTL
    n[i].stored_end = 0;
#endif
}

inline no_report(i)
{
    n[i].report = 0;
    n[i].after = 0;
    n[i].list = NONE;
    n[i].result = 0;
    n[i].renewal = 0;
    n[i].renewed = 0;
#if RESTORES
    n[i].uses = 0;
#endif
#if RESTORES == 2
    n[i].reminds = 0;
#endif
}

inline no_grant(i)
{
    n[i].granted = 0;
#if RESTORES == 2
    n[i].lost_grant = 0;
#endif
#ifdef WITHOUT_EARLIER
    n[i].granted_before = 0;
#endif
}

#if RESTORES
#define IS_UNTOLD(i) (n[i].untold)
#define UNTOLD       ANY(IS_UNTOLD)
#define WAITING      waiting
#else
#define IS_UNTOLD(i) 0
#define UNTOLD  0
#define WAITING 0
#endif
#ifdef WITHOUT_TOLD_FOR_LEASE
#define UNKNOWN_LEASES 0
#else
#define UNKNOWN_LEASES (UNTOLD && !LEASES_ARE_OVER)
#endif
#ifdef WITHOUT_TOLD_FOR_HOLD
#define UNKNOWN_HOLDS 0
#else
#define UNKNOWN_HOLDS UNTOLD
#endif
#ifdef WITHOUT_RESIDUE_IN_THE_WAY
#define RIGHTS ANY(IS_LIVE)
#else
#define RIGHTS ANY(HAS_ROW)
#endif
#define LEASE_FREE(i) (!ANY(IS_LIVE) && !ANY(HOLDS) && !UNKNOWN_LEASES && TOKEN_LEFT)
#define HOLD_FREE     (!RIGHTS && !ANY(HOLDS) && !UNKNOWN_HOLDS && TOKEN_LEFT)

#ifdef WITHOUT_EXPIRY
#define IS_AT_END(i) 0
#else
#define IS_AT_END(i) (n[i].end == 0)
#endif

/* A message of the node's present boot proves that the one before is over. */
#define IS_FENCED(i) (n[i].row_past && !n[i].past)

/* Who has a right on the filesystem asks for none: the list of a request has nothing of it. */
inline take_request(i)
{
    n[i].asks = TAKEN;
    if
    :: n[i].report && n[i].after < n[i].request -> n[i].report = LATER; n[i].renewal = 0
    :: else
    fi;
    if
    :: n[i].row != NONE && (IS_FENCED(i) || n[i].row_request < n[i].request) -> no_row(i)
    :: else
    fi;
    if
    :: n[i].row == NONE && LEASE_FREE(i) ->
        next_token();
        n[i].row = LIVE;
        n[i].row_request = n[i].request;
        n[i].row_past = n[i].past;
        n[i].end = COORD_END;
        n[i].granted = 1;
#if RESTORES == 2
        n[i].lost_grant = 0;
#endif
#ifdef WITHOUT_FULL_TTL
        n[i].stored_end = COORD_END;
#endif
#ifdef WITHOUT_DURABLE
        n[i].unsaved = 1;
#endif
    :: else
    fi
}
#ifdef WITHOUT_TOKEN_ON_RESULTS
#define TOKEN_IS_LIVE(i) 1
#else
#define TOKEN_IS_LIVE(i)                                                                           \
    (n[i].row == LIVE && n[i].row_request == n[i].after && n[i].row_past == n[i].past)
#endif
#ifdef WITHOUT_LIST_ORDER
#define IS_OLDER(i) 1
#else
#define IS_OLDER(i) (n[i].row_request <= n[i].after)
#endif
#define IS_LISTED(i) (n[i].list != NONE && n[i].row_request == n[i].after)

/* The result first: the list of the same message has its right no more. */
inline take_list(i)
{
    if
    :: n[i].result && TOKEN_IS_LIVE(i) -> check_result(i)
    :: else
    fi;
    if
    :: n[i].row != NONE && (IS_FENCED(i) || (IS_OLDER(i) && !IS_LISTED(i))) -> no_row(i)
    :: n[i].row == LIVE && IS_LISTED(i) && n[i].list == RESIDUE -> row_is_residue(i)
    :: n[i].row == LIVE && IS_LISTED(i) && n[i].list == ALIVE && n[i].end ->
        n[i].end = COORD_END;
        n[i].renewed = (n[i].renewal != 0)
    :: else
    fi
}

#if RESTORES
/* What the node has and the database has not. Of what it has only asked for nobody knows. */
inline take_unknown(i)
{
    if
    :: n[i].list >= ALIVE && n[i].row == NONE ->
        n[i].row = n[i].list;
        n[i].row_request = n[i].after;
        n[i].row_past = n[i].past;
        n[i].end = (n[i].list == ALIVE -> COORD_END : 0)
    :: else
    fi;
    n[i].hold = n[i].hold || n[i].uses;
#ifdef WITHOUT_ASKED_IS_UNKNOWN
    n[i].untold = 0
#else
    n[i].untold = n[i].list == ASKED && !(n[i].row && n[i].row_request == n[i].after)
#endif
}
#endif

inline take_report(i)
{
    if
    :: n[i].asks && n[i].after == n[i].request -> n[i].asks = TAKEN
    :: else
    fi;
#if RESTORES
    if
    :: REMINDS(i) -> waiting = 1
    :: else ->
        take_list(i);
        if
        :: n[i].untold -> take_unknown(i)
        :: else
        fi
    fi;
#else
    take_list(i);
#endif
    n[i].report = TAKEN;
#ifndef TWICE
    n[i].list = NONE;
    n[i].result = 0;
    n[i].after = 0;
#if RESTORES
    n[i].uses = 0;
#endif
#if RESTORES == 2
    n[i].reminds = 0;
#endif
#endif
    n[i].renewal = (n[i].renewed -> n[i].renewal : 0)
}

/* ---- the node */

inline no_right(i)
{
    n[i].right = NONE;
    n[i].left = 0;
#ifdef WITHOUT_LIST_IN_RUN
    n[i].lost = 0;
#endif
    no_grant(i)
}

#ifdef WITHOUT_ASKED_ON_THE_LIST
#define IS_ON_LIST(i) (n[i].right != ASKED)
#elif defined(WITHOUT_PROOF)
#define IS_ON_LIST(i) (n[i].right != RESIDUE)
#elif defined(WITHOUT_LIST_IN_RUN)
#define IS_ON_LIST(i) (!n[i].lost)
#else
#define IS_ON_LIST(i) 1
#endif

inline send_report(i)
{
    if
    :: n[i].past -> n[i].asks = 0; n[i].past = 0
    :: else
    fi;
    n[i].report = SENT;
    n[i].after = n[i].request;
    n[i].list = (IS_ON_LIST(i) -> n[i].right : NONE);
    n[i].renewed = 0;
    n[i].renewal = (n[i].list == ALIVE -> NODE_END : 0);
#if RESTORES
    n[i].uses = n[i].writes && n[i].untold;
#endif
#if RESTORES == 2
    n[i].reminds = n[i].remembers && old;
#endif
    n[i].result = 0
}

#ifdef WITHOUT_DEADLINE_FROM_SENDING
#define GRANT_LEFT(i)   NODE_END
#define RENEWAL_LEFT(i) NODE_END
#else
#define GRANT_LEFT(i)   n[i].left
#define RENEWAL_LEFT(i) n[i].renewal
#endif
#ifdef WITHOUT_LATE
#define IN_TIME(i) 1
#else
#define IN_TIME(i) (n[i].left > 0)
#endif

inline use_grant(i)
{
    n[i].left = GRANT_LEFT(i);
#ifdef WITHOUT_LATE
    n[i].left = (n[i].left -> n[i].left : 1);
#endif
    n[i].right = ALIVE;
#if RESTORES == 2
    n[i].remembers = n[i].remembers || !restored || n[i].lost_grant;
#endif
    no_grant(i);
    check_exclusion()
}

inline ask(i)
{
    n[i].request++;
    n[i].right = ASKED;
    n[i].left = NODE_END;
#ifdef WITHOUT_EARLIER
    n[i].granted_before = n[i].granted_before || n[i].granted;
    n[i].granted = 0;
#else
    no_grant(i);
#endif
    n[i].asks = SENT;
    if
    :: n[i].past -> n[i].past = 0; no_report(i)
    :: else
    fi
}

/* ---- what may happen of node i, on it, at the coordinator and under way */

active [NODES] proctype of_node()
{
    do
    /* an offer has come, at any time, and may be old: the node asks, or asks again */
    :: d_step { !n[_pid].off && n[_pid].right <= ASKED && !KNOWS_BETTER(_pid) ->
           ask(_pid);
           DONE
       }
    /* it is denied, or the supervisor is killed and another one starts, or no grant could be used */
    :: d_step { n[_pid].right == ASKED -> no_right(_pid); DONE }
    :: d_step { n[_pid].right == ASKED && n[_pid].granted && IN_TIME(_pid) -> use_grant(_pid); DONE }
#ifdef WITHOUT_EARLIER
    :: d_step { n[_pid].right == ASKED && n[_pid].granted_before && IN_TIME(_pid) ->
           use_grant(_pid);
           DONE
       }
#endif
    :: d_step { n[_pid].renewed ->
           n[_pid].left = (n[_pid].right == ALIVE -> RENEWAL_LEFT(_pid) : n[_pid].left);
           n[_pid].renewed = 0;
           n[_pid].renewal = 0;
           DONE
       }
    /* the worker ends, or cannot be killed; then it is proven unmounted */
    :: d_step { n[_pid].right == ALIVE -> n[_pid].right = RESIDUE; n[_pid].left = 0; DONE }
    :: d_step { n[_pid].right == RESIDUE -> no_right(_pid); DONE }
    /* it ends and brings what it has read; proven unmounted, or not */
    :: d_step { n[_pid].right == ALIVE ->
           no_right(_pid);
           send_report(_pid);
           n[_pid].result = 1;
           DONE
       }
    :: d_step { n[_pid].right == ALIVE ->
           n[_pid].right = RESIDUE;
           n[_pid].left = 0;
           send_report(_pid);
           n[_pid].result = 1;
           DONE
       }
    /* its whole list: register, heartbeat, renewal */
    :: d_step { !n[_pid].off -> send_report(_pid); DONE }
#ifdef WITHOUT_LIST_IN_RUN
    /* the supervisor is killed before it has written what it has started, and another one starts */
    :: d_step { n[_pid].right == ALIVE -> n[_pid].lost = 1; DONE }
#endif
    /* power goes, and comes back */
    :: d_step { !n[_pid].off && (BOOTS == 0 || boots < BOOTS) ->
           boots = (BOOTS -> boots + 1 : 0);
           n[_pid].off = 1;
           n[_pid].writes = 0;
           no_right(_pid);
           n[_pid].renewal = 0;
           n[_pid].renewed = 0;
           n[_pid].row_past = (n[_pid].row != NONE);
           n[_pid].past = n[_pid].asks || n[_pid].report;
#if RESTORES == 2
           n[_pid].remembers = 0;
#endif
           DONE
       }
    :: d_step { n[_pid].off -> n[_pid].off = 0; DONE }

    /* who has not registered yet, and so told what it has and uses, is asked to first */
    :: d_step { !WAITING && n[_pid].asks == SENT && !IS_UNTOLD(_pid) -> take_request(_pid); DONE }
    :: d_step { !WAITING && n[_pid].report == SENT -> take_report(_pid); DONE }
    :: d_step { n[_pid].row == LIVE && IS_AT_END(_pid) -> row_is_residue(_pid); DONE }

    /* a hold for it; its writer may write at once */
    :: d_step { !WAITING && HOLD_FREE && !n[_pid].off ->
           next_token();
           assert(!ANY(IS_MOUNTED));
           n[_pid].hold = 1;
           n[_pid].writes = 1;
           check_exclusion();
           DONE
       }
    /* the writer is done, and then the hold's end is told */
    :: d_step { !WAITING && n[_pid].hold && !n[_pid].off ->
           n[_pid].writes = 0;
           n[_pid].hold = 0;
#ifdef WITHOUT_HOLD_TOKEN
           old_end = 1;
#endif
           DONE
       }
#ifdef WITHOUT_HOLD_TOKEN
    :: d_step { n[_pid].hold && old_end -> n[_pid].hold = 0; DONE }
#endif
#ifdef WITHOUT_FENCE
    :: d_step { n[_pid].hold -> n[_pid].hold = 0; DONE }
#endif
    /* a fence: proven without power, or an operator's word for it */
    :: d_step { !WAITING && n[_pid].off ->
           no_row(_pid);
           no_report(_pid);
           n[_pid].asks = 0;
           n[_pid].past = 0;
           n[_pid].hold = 0;
#if RESTORES
           n[_pid].untold = 0;
#endif
           DONE
       }
    od
}

/* ---- time, and what happens to the coordinator as a whole */

#ifdef WITHOUT_FULL_TTL
#define TICK_STORED(i) n[i].stored_end = (n[i].stored_end -> n[i].stored_end - 1 : 0)
#define AT_START(i)    n[i].stored_end
#else
#define TICK_STORED(i) skip
#define AT_START(i)    COORD_END
#endif
#define TICK(i)                                                                                    \
    n[i].left = (n[i].left -> n[i].left - 1 : 0);                                                  \
    n[i].renewal = (n[i].renewal -> n[i].renewal - 1 : 0);                                         \
    n[i].renewed = n[i].renewed && n[i].renewal;                                                   \
    n[i].end = (n[i].end -> n[i].end - 1 : 0);                                                     \
    TICK_STORED(i);                                                                                \
    if                                                                                             \
    :: n[i].left == 0 && n[i].right == ALIVE -> n[i].right = RESIDUE                               \
    :: n[i].left == 0 && n[i].right == ASKED && !IN_TIME(i) -> no_right(i)                         \
    :: else                                                                                        \
    fi
#define RUNS(i) (n[i].left || n[i].renewal || n[i].end)

#ifdef WITHOUT_DURABLE
#define LOSE(i)                                                                                    \
    if                                                                                             \
    :: n[i].unsaved -> no_row(i)                                                                   \
    :: else                                                                                        \
    fi
#else
#define LOSE(i) skip
#endif
#define RESTART(i)                                                                                 \
    n[i].asks = (n[i].asks -> SENT : 0);                                                           \
    n[i].report = (n[i].report -> SENT : 0);                                                       \
    LOSE(i);                                                                                       \
    n[i].end = (n[i].row == LIVE -> AT_START(i) : 0)
#define PUT_BACK(i)                                                                                \
    no_row(i);                                                                                     \
    no_report(i);                                                                                  \
    n[i].asks = 0;                                                                                 \
    n[i].past = 0;                                                                                 \
    n[i].hold = 0;                                                                                 \
    n[i].untold = 1
#define LOST_GRANT(i)   n[i].lost_grant = n[i].granted
#define FORGIVE(i)      n[i].remembers = 0; n[i].reminds = 0
#define IS_TOLD_LATER(i) n[i].untold = 1

/* ---- progress: from now on nothing fails. Nodes with power end what they do and are heard in each
 * tick, the others stay silent. Then one that asks is soon given a lease, unless there is a hold. */

#define CALM_TICKS (COORD_END + 1)
#define HAS_POWER(i) (!n[i].off)

inline calm_node(i)
{
    if
    :: n[i].off
    :: else ->
        if
        :: n[i].right >= ALIVE -> no_right(i)
        :: else
        fi;
        send_report(i);
        take_report(i)
    fi;
    if
    :: n[i].row == LIVE && IS_AT_END(i) -> row_is_residue(i)
    :: else
    fi
}

inline calm_request(i)
{
    if
    :: n[i].off || is_granted
    :: else ->
        ask(i);
        take_request(i);
        is_granted = n[i].granted
    fi
}

active proctype world()
{
#ifdef PROGRESS
    unsigned ticks : 3;
    bit is_granted;
#endif
    do
#ifdef PROGRESS
    :: d_step { ANY(HAS_POWER) && !ANY(HOLDS) ->
           do
           :: ticks < CALM_TICKS && !is_granted ->
               EACH(calm_node);
               EACH(calm_request);
               if
               :: is_granted
               :: else -> EACH(TICK)
               fi;
               ticks++
           :: else -> break
           od;
           assert(is_granted);
           ticks = 0;
           is_granted = 0;
           DONE
       }
#endif
#if RESTORES == 2
    :: d_step { ANY(RUNS) || settle -> EACH(TICK); settle = (settle -> settle - 1 : 0); DONE }
#else
    :: d_step { ANY(RUNS) -> EACH(TICK); DONE }
#endif
    /* the coordinator is killed, and starts */
    :: d_step { !WAITING -> EACH(RESTART); DONE }
#if RESTORES
    /* an old database: it knows the nodes, and nothing that was granted */
    :: d_step { !restored ->
           restored = 1;
           counter = 0;
           EACH(PUT_BACK);
#if RESTORES == 2
           EACH(LOST_GRANT);
           old = 1;
           settle = COORD_END;
#else
           waiting = 1;
#endif
           DONE
       }
    /* the operator's word */
    :: d_step { waiting ->
           waiting = 0;
           counter = 0;
#ifndef WITHOUT_EPOCH
           epoch = 1;
#endif
           EACH(IS_TOLD_LATER);
#if RESTORES == 2
           EACH(FORGIVE);
           old = 0;
           settle = 0;
#endif
           DONE
       }
#endif
    od
}
