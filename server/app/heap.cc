// The allocator of our programs is jemalloc, and this is how: docs/adr/0013 has the figures.
//
// A stream's Kafka client has threads of its own, which take and free megabytes at once; glibc
// keeps what each arena once had. Here few arenas are shared, and a thread of jemalloc's gives
// pages back that were not used again within `dirty_decay_ms`. An idle client's six threads need no
// caches of the usual size. The environment's MALLOC_CONF goes before it.

// By jemalloc's name for it. Read before main.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "narenas:4,background_thread:true,max_background_threads:1,dirty_decay_ms:500,muzzy_decay_ms:0,"
    "tcache_nslots_small_max:20,tcache_nslots_small_min:2,tcache_nslots_large:4,"
    "lg_tcache_nslots_mul:-1";
}
