# cmake -DFROM=... -DTO=... -P strings_as_bytes.cmake: a copy of a .proto for the C generator. Same wire, other C types:
# string fields become bytes (a zero-closed char pointer would hide a NUL), and two embedded messages that are stored and
# passed on whole become bytes, so that nobody unpacks and packs them again on the way.
file(READ ${FROM} text)
string(REGEX REPLACE "(\n *(repeated |))string " "\\1bytes " text "${text}")
string(REGEX REPLACE "(\n *)(SessionSnapshot snapshot|Command command) " "\\1bytes \\2 " text "${text}")
string(REGEX REPLACE "bytes SessionSnapshot " "bytes " text "${text}")
string(REGEX REPLACE "bytes Command " "bytes " text "${text}")
file(WRITE ${TO} "${text}")
