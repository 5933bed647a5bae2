#include "sch_pool.hpp"

#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace picocell {

struct SchPool {
    std::mutex mutex;
    std::condition_variable wake, idle;
    void (*job)(void*, int) = nullptr;
    void* context = nullptr;
    unsigned long turn = 0;  // of the job that is open
    int busy = 0;
    bool over = false;
    const pid_t process = getpid();
    std::vector<std::thread> threads;

    void work(int number) {
        std::unique_lock<std::mutex> lock(mutex);
        for (unsigned long done = 0;;) {
            wake.wait(lock, [&] { return over || (job && turn != done); });
            if (over) return;
            done = turn;
            void (*const mine)(void*, int) = job;
            void* const with = context;
            ++busy;
            lock.unlock();
            mine(with, number);
            lock.lock();
            if (!--busy) idle.notify_one();
        }
    }
};

SchPool* sch_pool_new(int n) {
    auto* pool = new (std::nothrow) SchPool;
    if (!pool) return nullptr;
    try {
        for (int i = 1; i < n; ++i) pool->threads.emplace_back(&SchPool::work, pool, i);
    } catch (const std::system_error&) {
        sch_pool_free(pool);
        return nullptr;
    }
    return pool;
}

void sch_pool_free(SchPool* pool) {
    if (!pool || getpid() != pool->process) return;  // a fork has no threads to wait for, and leaves the rest
    {
        const std::lock_guard<std::mutex> lock(pool->mutex);
        pool->over = true;
    }
    pool->wake.notify_all();
    for (std::thread& thread : pool->threads) thread.join();
    delete pool;
}

void sch_pool_run(SchPool* pool, void (*job)(void*, int), void* context) {
    {
        const std::lock_guard<std::mutex> lock(pool->mutex);
        pool->job = job;
        pool->context = context;
        ++pool->turn;
    }
    pool->wake.notify_all();
    job(context, 0);
    std::unique_lock<std::mutex> lock(pool->mutex);
    pool->job = nullptr;  // who wakes only now has nothing to do
    pool->idle.wait(lock, [&] { return !pool->busy; });
}

}  // namespace picocell
