# How targets of this project are declared.

# Flags of our own code: warnings are errors. Generated code does not link it.
add_library(eventbus_options INTERFACE)
target_compile_options(eventbus_options INTERFACE
  -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety>
  # g++ 12 sees overlaps in std::string and unset values in absl::StatusOr that are not there.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>)
if(EVENTBUS_SANITIZE)
  target_compile_options(eventbus_options INTERFACE
    -fsanitize=${EVENTBUS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${EVENTBUS_SANITIZE})
endif()

# eventbus_library(<folder> SOURCES <file>... [PUBLIC <target>...] [PRIVATE <target>...])
# The static library eventbus_<folder>, alias eventbus::<folder>.
function(eventbus_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(eventbus_${name} STATIC ${ARG_SOURCES})
  add_library(eventbus::${name} ALIAS eventbus_${name})
  target_include_directories(eventbus_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(eventbus_${name}
    PUBLIC ${ARG_PUBLIC}
    PRIVATE ${ARG_PRIVATE} $<BUILD_INTERFACE:eventbus_options>)
endfunction()

# eventbus_test(<name> SOURCES <file>... DEPS <target>... [LABELS <label>...] [TIMEOUT <seconds>]
#               [BROKER])
# A GoogleTest binary and its ctest entry, labelled `unit` where no label is given. BROKER: beside a
# broker of its own, which it stops and starts.
function(eventbus_test name)
  cmake_parse_arguments(ARG "BROKER" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  if(EVENTBUS_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 4")  # As much slower, beside others.
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main eventbus_options)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  set(wrapper "")
  if(ARG_BROKER)
    set(wrapper python3 ${PROJECT_SOURCE_DIR}/tests/kafka/kafka.py run --)
  endif()
  add_test(NAME ${name} COMMAND ${wrapper} $<TARGET_FILE:${name}>)
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT})
endfunction()
