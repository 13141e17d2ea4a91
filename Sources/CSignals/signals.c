#include "CSignals.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The table of mapped files. Chunks are never given back, so that the handler can go through them without a lock: an
// entry is filled before its `start` is set, and emptied after it is cleared.
struct entry {
  _Atomic(uintptr_t) start;
  uintptr_t end;
  char *path;
};

struct chunk {
  struct entry entries[256];
  _Atomic(struct chunk *) next;
};

static struct chunk first_chunk;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

void bags_mapping_add(const void *start, size_t length, const char *path) {
  char *copy = strdup(path);
  if (copy == NULL) return;
  pthread_mutex_lock(&table_lock);
  for (struct chunk *chunk = &first_chunk; chunk != NULL;) {
    for (size_t i = 0; i < 256; i++) {
      struct entry *entry = &chunk->entries[i];
      if (atomic_load(&entry->start) != 0) continue;
      entry->end = (uintptr_t)start + length;
      entry->path = copy;
      atomic_store(&entry->start, (uintptr_t)start);
      pthread_mutex_unlock(&table_lock);
      return;
    }
    if (atomic_load(&chunk->next) == NULL) atomic_store(&chunk->next, calloc(1, sizeof(struct chunk)));
    chunk = atomic_load(&chunk->next);
  }
  pthread_mutex_unlock(&table_lock);
  free(copy);
}

void bags_mapping_remove(const void *start) {
  pthread_mutex_lock(&table_lock);
  for (struct chunk *chunk = &first_chunk; chunk != NULL; chunk = atomic_load(&chunk->next)) {
    for (size_t i = 0; i < 256; i++) {
      struct entry *entry = &chunk->entries[i];
      if (atomic_load(&entry->start) != (uintptr_t)start) continue;
      atomic_store(&entry->start, 0);
      free(entry->path);
      entry->path = NULL;
      pthread_mutex_unlock(&table_lock);
      return;
    }
  }
  pthread_mutex_unlock(&table_lock);
}

static volatile int told_descriptor = -1;

static void tell(unsigned char byte) {
  ssize_t ignored = write(told_descriptor, &byte, 1);
  (void)ignored;
}

static void forward(int number) {
  int saved = errno;
  tell((unsigned char)number);
  errno = saved;
}

static void say(const char *text) {
  ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
  (void)ignored;
}

static void explain_fault(int number, siginfo_t *info, void *context) {
  (void)context;
  static atomic_flag is_told = ATOMIC_FLAG_INIT;
  uintptr_t address = (uintptr_t)info->si_addr;
  for (struct chunk *chunk = &first_chunk; chunk != NULL; chunk = atomic_load(&chunk->next)) {
    for (size_t i = 0; i < 256; i++) {
      struct entry *entry = &chunk->entries[i];
      uintptr_t start = atomic_load(&entry->start);
      if (start == 0 || address < start || address >= entry->end) continue;
      // Several threads may read the same file.
      if (!atomic_flag_test_and_set(&is_told)) {
        say("Error: ");
        say(entry->path);
        say(": was shortened by another program while it was read, or its disk fails; put it back and start again\n");
        tell(0);
      }
      sleep(5);
      _exit(1);
    }
  }
  // None of ours: the fault comes again, and is what it would have been.
  signal(number, SIG_DFL);
}

void bags_signals_forward(int descriptor) {
  told_descriptor = descriptor;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_handler = forward;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  // A parent may have started the program with the signals blocked.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_UNBLOCK, &signals, NULL);

  memset(&action, 0, sizeof action);
  sigemptyset(&action.sa_mask);
  action.sa_sigaction = explain_fault;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, NULL);
  signal(SIGXFSZ, SIG_IGN);
}
