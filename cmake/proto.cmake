# C code from proto/. protobuf-c hands strings out as zero-closed char pointers: bad UTF-8 passes and a NUL cuts the
# text unseen. On the wire string and bytes are the same, so the C code is generated from a copy in which every string
# field is bytes (pointer and length), and the decoders check the texts (docs/adr/0003).
find_program(PROTOC_C protoc-c REQUIRED)
set(PROTO_OUT ${CMAKE_BINARY_DIR}/proto)
set(PROTO_FILES curfew/v1/command curfew/v1/event curfew/v1/journal)
set(WELL_KNOWN google/protobuf/timestamp google/protobuf/duration)
find_path(WELL_KNOWN_INCLUDE google/protobuf/timestamp.proto REQUIRED)
set(proto_sources "")
set(proto_copies "")
foreach(name IN LISTS PROTO_FILES)
  add_custom_command(
    OUTPUT ${PROTO_OUT}/in/${name}.proto
    COMMAND ${CMAKE_COMMAND} -DFROM=${CMAKE_SOURCE_DIR}/proto/${name}.proto -DTO=${PROTO_OUT}/in/${name}.proto
            -P ${CMAKE_SOURCE_DIR}/cmake/strings_as_bytes.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/proto/${name}.proto ${CMAKE_SOURCE_DIR}/cmake/strings_as_bytes.cmake)
  list(APPEND proto_copies ${PROTO_OUT}/in/${name}.proto)
endforeach()
file(MAKE_DIRECTORY ${PROTO_OUT}/in/curfew/v1)
foreach(name IN LISTS PROTO_FILES WELL_KNOWN)
  set(from ${PROTO_OUT}/in)
  if(name MATCHES "^google/")
    set(from ${WELL_KNOWN_INCLUDE})
  endif()
  add_custom_command(
    OUTPUT ${PROTO_OUT}/${name}.pb-c.c ${PROTO_OUT}/${name}.pb-c.h
    COMMAND ${PROTOC_C} -I${PROTO_OUT}/in -I${WELL_KNOWN_INCLUDE} --c_out=${PROTO_OUT} ${from}/${name}.proto
    DEPENDS ${proto_copies})
  list(APPEND proto_sources ${PROTO_OUT}/${name}.pb-c.c)
endforeach()
add_library(curfew_proto STATIC ${proto_sources})
target_include_directories(curfew_proto SYSTEM PUBLIC ${PROTO_OUT})
target_link_libraries(curfew_proto PUBLIC PkgConfig::DEPS)
