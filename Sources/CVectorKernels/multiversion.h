#ifndef CVECTORKERNELS_MULTIVERSION_H
#define CVECTORKERNELS_MULTIVERSION_H

// The package is built for the baseline processor, since packages that others import cannot ask for more. The kernels
// are compiled once per instruction set instead, and the loader picks the best that the processor has. Its resolvers run
// before the thread sanitizer is ready, so BAGS_NO_MULTIVERSION (a variable that Package.swift passes on) turns that off.
#if defined(__x86_64__) && defined(__linux__) && !defined(BAGS_NO_MULTIVERSION)
#define MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MULTIVERSION
#endif

#endif
