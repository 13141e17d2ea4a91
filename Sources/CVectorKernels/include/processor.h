#ifndef CVECTORKERNELS_PROCESSOR_H
#define CVECTORKERNELS_PROCESSOR_H

/// Whether the processor has the AVX-512 instructions that OpenBLAS's SkylakeX kernels use.
int bags_has_skylakex_instructions(void);

#endif
