# How tests in Python are declared.
set(EVENTBUS_TEST_PYTHON "${PROJECT_SOURCE_DIR}/build/deps/venv/bin/python3"
  CACHE FILEPATH "Python with grpcio-tools and kafka-python; ./dev setup makes the default")

# eventbus_python_test(<test> LABELS <label>... TIMEOUT <seconds> [BROKER | BROKERS])
# <test>_test.py of the current folder, as <folder>_<test>_test; it starts servers of this build.
# BROKER: beside a broker of its own, which it stops and starts. BROKERS: beside three, which a proxy
# may be put before; nothing else runs meanwhile.
function(eventbus_python_test test)
  cmake_parse_arguments(ARG "BROKER;BROKERS" "TIMEOUT" "LABELS" ${ARGN})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(command ${EVENTBUS_TEST_PYTHON} -m tests.${folder}.${test}_test)
  set(kafka_py ${PROJECT_SOURCE_DIR}/tests/kafka/kafka.py)
  if(ARG_BROKERS)
    set(command ${EVENTBUS_TEST_PYTHON} ${kafka_py} run --nodes 3 --proxied
      --property log.retention.check.interval.ms=1000 --property log.initial.task.delay.ms=1000
      -- ${command})
  elseif(ARG_BROKER)
    set(command ${EVENTBUS_TEST_PYTHON} ${kafka_py} run -- ${command})
  endif()
  set(name ${folder}_${test}_test)
  # Modules are found from the root.
  add_test(NAME ${name} COMMAND ${command} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set(environment
    PYTHONDONTWRITEBYTECODE=1
    EVENTBUS_SERVER=$<TARGET_FILE:eventbus-server>
    EVENTBUS_BUILD_DIR=${PROJECT_BINARY_DIR})
  set_tests_properties(${name} PROPERTIES
    LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT "${environment}")
  if(ARG_BROKERS)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL TRUE)
  endif()
endfunction()
