// Threads that help with one job at a time. Code of no particular instruction set.
#pragma once

namespace picocell {

struct SchPool;

// n threads with the caller's; n - 1 are started. Null without memory or threads.
SchPool* sch_pool_new(int n);
void sch_pool_free(SchPool* pool);
// Calls job(context, i) from the caller (i = 0) and from those of the threads that are awake in time, and returns when
// all of them have: the job shares out its work itself, and is done when the caller's call is.
void sch_pool_run(SchPool* pool, void (*job)(void* context, int thread), void* context);

}  // namespace picocell
