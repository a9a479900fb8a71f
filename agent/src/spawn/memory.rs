//! How the heap is kept.

#![expect(unsafe_code, reason = "mallopt")]

/// One heap for all threads. glibc would give each thread its own, and let those grow by a page at
/// a time, with a system call for each: reading a large configuration on the spawn thread took
/// twice as long. The agent's threads hardly ever allocate at the same time. Called once, before
/// there are threads; another C library has no such heaps.
pub fn keep_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt takes plain numbers; no other thread allocates yet.
    let _ = unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
}
