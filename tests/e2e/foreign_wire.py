"""The wire of RAS, written from the description of the protocol alone: the tables of its records and their bytes.

A second opinion on worker/cluster/ras and on the simulator, with which it shares nothing. tests/e2e/foreign_ras.py serves
it; tests/e2e/test_foreign_ras.py holds it against the recordings in tests/vectors.
"""
import datetime
import struct
import uuid

SERVICE = "v8.service.Admin.Cluster"
CONNECT, CONNECT_ACK, DISCONNECT, OPEN, OPEN_ACK, CLOSE, MESSAGE, FAILURE, KEEP_ALIVE = 1, 2, 4, 11, 12, 13, 14, 15, 16
VOID, TYPED, EXCEPTION = 0, 1, 0xFF
NONE = uuid.UUID(int=0)
YEAR_ONE = datetime.datetime(1, 1, 1)
TICK = datetime.timedelta(microseconds=100)


# ---- records: "since type name name ...", in the order of the wire ----

def fields(text):
    return [(int(since), kind, name) for line in text.strip().splitlines()
            for since, kind, *names in [line.split()] for name in names]


LICENSE = fields("""
    3 string full_name full_presentation
    3 bool issued_by_server
    3 int license_type max_users_all max_users_cur
    3 bool net
    3 string rmngr_address rmngr_pid
    3 int rmngr_port
    3 string series short_presentation""")
SESSION = fields("""
    3 uuid uuid
    3 string app_id
    3 int blocked_by_dbms blocked_by_ls
    3 long bytes_all bytes_last_5min
    3 int calls_all
    3 long calls_last_5min
    3 uuid connection
    3 long dbms_bytes_all dbms_bytes_last_5min
    3 string db_proc_info
    3 int db_proc_took
    3 datetime db_proc_took_at
    3 int duration_all duration_all_dbms duration_current duration_current_dbms
    3 long duration_last_5min duration_last_5min_dbms
    3 string host
    3 uuid infobase
    3 datetime last_active_at
    3 bool hibernate
    3 int passive_session_hibernate_time hibernate_session_terminate_time
    3 licenses licenses
    3 string locale
    3 uuid process
    3 int session_id
    3 datetime started_at
    3 string user_name
    4 long memory_current memory_last_5min memory_total read_current read_last_5min read_total
    4 long write_current write_last_5min write_total
    5 int duration_current_service
    5 long duration_last_5min_service
    5 int duration_all_service
    5 string current_service_name
    6 long cpu_time_current cpu_time_last_5min cpu_time_total
    7 string data_separation
    10 string client_ip""")
CONNECTION = fields("""
    3 uuid uuid
    3 string application
    3 int blocked_by_ls
    3 datetime connected_at
    3 int conn_id
    3 string host
    3 uuid infobase process
    3 int session_number""")
CLUSTER = fields("""
    3 uuid uuid
    3 int expiration_timeout
    3 string host
    3 int lifetime_limit
    3 short port
    3 int max_memory_size max_memory_time_limit
    3 string name
    3 int security_level session_fault_tolerance_level load_balancing_mode errors_count_threshold
    3 bool kill_problem_processes
    8 bool kill_by_memory_with_dump
    16 int unknown
    16 bool allow_access_right_audit_events_recording
    16 int ping_period ping_timeout
    16 string restart_schedule""")
SUMMARY = fields("""
    3 uuid uuid
    3 string descr name""")
INFOBASE = fields("""
    3 uuid uuid
    3 int date_offset
    3 string dbms db_name db_pwd db_server db_user
    3 datetime denied_from
    3 string denied_message denied_parameter
    3 datetime denied_to
    3 string descr locale name permission_code
    3 bool scheduled_jobs_deny
    3 int security_level
    3 bool sessions_deny
    3 int license_distribution
    3 string external_session_manager_connection_string
    3 bool external_session_manager_required
    3 string security_profile_name safe_mode_security_profile_name
    9 bool reserve_working_processes
    16 bool disable_local_speech_to_text
    16 int configuration_unload_delay minimum_scheduled_jobs_start_period maximum_scheduled_jobs_start_shift""")
PROCESS = fields("""
    3 uuid uuid
    3 double avg_back_call_time avg_call_time avg_db_call_time avg_lock_call_time avg_server_call_time avg_threads
    3 int capacity connections
    3 string host
    3 bool is_enable
    3 licenses licenses
    3 short port
    3 int memory_excess_time memory_size
    3 string pid
    3 int running selection_size
    3 datetime started_at
    3 int use available_performance
    9 bool reserve""")

# number: (name, fields of the request)
REQUESTS = {8: ("authenticate_agent", ["string", "string"]), 9: ("authenticate", ["uuid", "string", "string"]),
            10: ("authenticate_infobase", ["uuid", "string", "string"]), 11: ("clusters", []), 13: ("cluster_info", ["uuid"]),
            29: ("processes", ["uuid"]), 40: ("update_infobase", ["uuid", "infobase"]), 42: ("infobases", ["uuid"]),
            46: ("infobase_summary", ["uuid", "uuid"]), 48: ("infobase_info", ["uuid", "uuid"]), 50: ("connections", ["uuid"]),
            52: ("infobase_connections", ["uuid", "uuid"]), 64: ("disconnect", ["uuid", "uuid", "uuid"]),
            65: ("sessions", ["uuid"]), 67: ("infobase_sessions", ["uuid", "uuid"]), 69: ("session_info", ["uuid", "uuid"]),
            71: ("terminate_session", ["uuid", "uuid", "string"]), 117: ("interrupt", ["uuid", "uuid", "string"]),
            135: ("agent_version", [])}
NUMBERS = {name: number for number, (name, _fields) in REQUESTS.items()}


# ---- bytes ----

def size(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def nsize(value):
    if value is None:
        return b"\x80"
    return bytes([value]) if value < 0x40 else bytes([value & 0x3F | 0x40]) + size(value >> 6)


def string(text):
    """None is the null string; bytes go out as they are, for tests of what is not UTF-8."""
    raw = text.encode() if isinstance(text, str) else text
    return nsize(None) if raw is None else nsize(len(raw)) + raw


def ticks(moment):
    """Of a moment on the cluster's own clock; None is no date, and a number goes out as it is."""
    return moment if isinstance(moment, int) else (moment - YEAR_ONE) // TICK if moment else 0


def packet(kind, body):
    return bytes([kind]) + size(len(body)) + body


FIXED = {"bool": ">?", "byte": ">B", "short": ">H", "int": ">i", "long": ">q", "double": ">d"}
EMPTY = {"string": "", "uuid": NONE, "datetime": None, "licenses": (), "bool": False}


def encode(record, values, version):
    out = bytearray()
    for since, kind, name in record:
        value = values.get(name, EMPTY.get(kind, 0))
        if since > version:
            continue
        if kind in FIXED:
            out += struct.pack(FIXED[kind], value)
        elif kind == "licenses":
            out += size(len(value)) + b"".join(encode(LICENSE, each, version) for each in value)
        else:
            out += {"string": string, "uuid": lambda v: v.bytes, "datetime": lambda v: struct.pack(">q", ticks(v))}[kind](value)
    return bytes(out)


def encode_list(record, many, version):
    return size(len(many)) + b"".join(encode(record, each, version) for each in many)


class Broken(Exception):
    """The client's bytes are not what the protocol says."""


class Reader:
    def __init__(self, data):
        self.data, self.at, self.as_it_came = data, 0, False

    def take(self, count):
        if self.at + count > len(self.data):
            raise Broken(f"{count} bytes wanted at {self.at} of {len(self.data)}")
        self.at += count
        return self.data[self.at - count:self.at]

    def size(self, shift=0, value=0):
        while shift < 35:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value
        raise Broken("a size of more than five bytes")

    def nsize(self):
        first = self.take(1)[0]
        if first & 0x80:
            if first != 0x80:
                raise Broken(f"null is 80, not {first:02x}")
            return None
        return self.size(6, first & 0x3F) if first & 0x40 else first

    def value(self, kind, version=0):
        if kind == "bool" and self.data[self.at:self.at + 1] not in (b"\0", b"\1"):
            raise Broken("a bool that is neither 0 nor 1")
        if kind in FIXED:
            return struct.unpack(FIXED[kind], self.take(struct.calcsize(FIXED[kind])))[0]
        if kind == "string":
            length = self.nsize()
            return None if length is None else self.text(self.take(length))
        if kind == "uuid":
            return uuid.UUID(bytes=self.take(16))
        if kind == "datetime":
            return self.value("long")
        if kind == "licenses":
            return self.list_of(LICENSE, version)
        self.as_it_came = True      # it is written back, in whatever encoding
        return self.record(INFOBASE, version)

    def text(self, raw):
        try:
            return raw.decode()
        except UnicodeDecodeError:
            if self.as_it_came:
                return raw
            raise

    def record(self, record, version):
        return {name: self.value(kind, version) for since, kind, name in record if since <= version}

    def list_of(self, record, version):
        return [self.record(record, version) for _each in range(self.size())]

    def end(self):
        if self.at != len(self.data):
            raise Broken(f"{len(self.data) - self.at} bytes too many")


class Refusal(Exception):
    """An exception answer."""

    def __init__(self, name, text, cause=b"\x80", stack=()):
        super().__init__(text)
        self.bytes = (string(name if "." in name else f"{SERVICE}#{name}") + string(text) + size(len(stack))
                      + b"".join(string(a) + string(b) + string(c) + struct.pack(">i", d) for a, b, c, d in stack) + cause)
