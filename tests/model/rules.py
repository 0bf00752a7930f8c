"""The rules by name, each a guard that the exploration can take away, and the constants of the model."""

GUARDS = {
    # What every reader of the journal does (taken away from all readers alike, the oracle too).
    "void_rule": "records of an epoch that does not own the partition at their place do not count",
    "epoch_grows": "an OWNER counts only if its epoch is above the present owner's (taken away: if never seen before)",
    "first_counts": "of the same record only the first counts, repeats change nothing",
    "source_order": "ACCEPTED, REJECTED, DUPLICATE count only above the last source offset that counted",
    "chunks_complete": "a RESOLVED counts only when all its chunks stand",
    "chunks_one_epoch": "chunks of an earlier epoch are forgotten at an OWNER",
    "start_owner": "a saved start offset carries the epoch that owned the partition there",
    "start_oldest_open": "a saved start offset lies at or before the oldest open command",
    # How a worker becomes, stays and ceases to be the owner.
    "owner_readback": "nothing is decided before the worker's own OWNER was read back",
    "writer_id_fresh": "each process has a writer id of its own, random at its start, never a configured name",
    "new_epoch_each_ask": "each OWNER asked for has a new epoch, also of the same process",
    "stop_on_foreign_owner": "whoever reads another's OWNER stops at once",
    "ask_again": "an assigned worker whose OWNER came out void, or was followed by another's, asks again",
    "ask_only_if_assigned": "OWNER is appended only for a partition in the present assignment",
    "assignment_confirmed": "before asking, the coordinator confirmed the group generation that assigned the partition",
    "read_before_ask": "OWNER is asked for only when the journal was read to its end as it stood when the wish arose",
    "control_before_ask": "OWNER is asked for only when the process has read the control topic to its end once",
    "forget_in_flight": "on reading the own OWNER back, what was in flight before it is forgotten",
    "uncertain_new_owner": "an append that ends uncertain leads to a new OWNER, never to going on in the same epoch",
    # Commands and lists.
    "position_from_journal": "reading of commands goes on where the journal says, not where the group's offset stands",
    "dedupe_by_id": "a known command id at another offset is a DUPLICATE and is not run",
    "adopt_list": "a list that was read back is adopted whoever wrote it, never resolved again",
    "round_waits": "a round starts only when every target of the last one has its outcome read back",
    "close_after_outcomes": "CLOSED is appended only when every outcome was read back",
    "announce_after_readback": "an event is sent only when its record was read back",
    # Licences and acts.
    "licence_readback": "an act needs a licence that was read back",
    "licence_own_epoch": "an act needs a licence of the worker's own present epoch",
    "licence_age": "a licence is good for AGE, then a new one is needed",
    "age_from_append": "a licence's age counts from the call that appended it, not from its read-back",
    "expiry_at_act": "append time of the licence plus its age is not beyond the command's or the round's end",
    "recheck_at_send": "everything is checked again in the step that hands the bytes to the kernel",
    "act_by_uuid": "sessions are ended by UUID, never by number",
    # Verdicts.
    "in_doubt": "a target that another epoch held a licence for is never called already gone: it may have been us",
    "list_first": "no verdict without a list taken after the decision to give it",
    "no_reply_is_doubt": "a request without a reply is in doubt and leads to a list, never to 'failed'",
    "wait_foreign_licence": "'not ended' is said only when every licence of another epoch is past its age",
    "wait_from_readback": "that wait counts from the read-back of the own OWNER, not from its append",
    # Control.
    "hold_fire": "from reading a cancel on nothing is sent, before CANCELLED is read back",
    "cancelled_binds": "a CANCELLED that was read back binds every later owner",
    "kill_switch": "nothing is sent while the kill switch, as last read, is on",
    "control_fresh": "the control topic was read to its end after the licence was appended",
}

NUMBERS = (1, 2, 3, 4, 5)   # the session numbers there are
AGE = 20            # ticks that a licence is good for
APPEND_TIMEOUT = 30  # ticks after which an append that was not read back is uncertain
REPLY_WAIT = 3      # ticks between an act and the next look at its target
ATTEMPTS = 2        # licences per target and round before it is said to have survived
ROUNDS = 3          # most rounds of a drain
ROUND_TIME = 50     # ticks that a later round may act
REMEMBER = 90      # longest validity: records younger than this are always read again
CALM = 340          # faults stop here, or as soon as everything is closed
SETTLE = 40         # ticks that calm lasts at least: do the workers leave each other in peace?
END = 700           # everything must be closed by then
OWNERS_WHEN_CALM = 6  # more OWNER records than this in the calm phase are a fight
CHUNK = 2           # targets per RESOLVED record
NOT_ENDED = ("already_gone", "survived", "stopped", "expired", "failed")
COPY = "'"          # without dedupe_by_id a copy runs under this name
SOURCE_KINDS = ("ACCEPTED", "REJECTED", "DUPLICATE")
