#ifndef CVECTORKERNELS_PROCESSOR_H
#define CVECTORKERNELS_PROCESSOR_H

/// Whether the processor has the AVX-512 instructions that OpenBLAS's SkylakeX kernels use.
int bags_has_skylakex_instructions(void);

/// The processors that this process may run on; 0 where the system does not say, or has more than a mask can hold.
int bags_affinity_count(void);

/// Tells the processor that this thread waits in a loop for another.
static inline void bags_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
