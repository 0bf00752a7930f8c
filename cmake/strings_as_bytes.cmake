# cmake -DFROM=... -DTO=... -P strings_as_bytes.cmake: a copy of a .proto in which string fields are bytes fields.
file(READ ${FROM} text)
string(REGEX REPLACE "(\n *(repeated |))string " "\\1bytes " text "${text}")
file(WRITE ${TO} "${text}")
