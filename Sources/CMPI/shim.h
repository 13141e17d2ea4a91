#ifndef CMPI_SHIM_H
#define CMPI_SHIM_H
// The C++ bindings, which Open MPI once had, are of no use here.
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>
#include <stddef.h>

// MPI's constants are macros that Swift cannot read, in Open MPI addresses of structures: functions in their place.

static inline MPI_Comm cmpi_world(void) { return MPI_COMM_WORLD; }
static inline MPI_Datatype cmpi_byte(void) { return MPI_BYTE; }
static inline MPI_Datatype cmpi_float(void) { return MPI_FLOAT; }
static inline MPI_Errhandler cmpi_errors_return(void) { return MPI_ERRORS_RETURN; }
static inline int cmpi_success(void) { return MPI_SUCCESS; }

/// Starts MPI for one thread that calls it among others that do not.
static inline int cmpi_start(void) {
  int provided = 0;
  int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  if (code == MPI_SUCCESS) MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  return code;
}

/// Every rank's part of a buffer, which is in its place already, to all ranks.
static inline int cmpi_gather(void *buffer, const int *counts, const int *starts, MPI_Datatype type) {
  return MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, buffer, counts, starts, type, MPI_COMM_WORLD);
}

static inline int cmpi_receive(void *buffer, int count, MPI_Datatype type, int rank) {
  return MPI_Recv(buffer, count, type, rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

#endif
