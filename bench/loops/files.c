// SPDX-License-Identifier: GPL-3.0-or-later
// files FOLDER COUNT [nosync]: makes f0..fN-1, each by a temporary file and a rename, and syncs the file system once.
#include "common.h"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  int folder = open_folder(argv[1]);
  int count = atoi(argv[2]);
  for (int i = 0; i < count; ++i) {
    char name[32], text[64];
    snprintf(name, sizeof name, "f%d", i);
    replace_file(folder, name, text, content_of(i, text, sizeof text), 0);
  }
  if (argc < 4 && syncfs(folder) != 0) die("syncfs");
  return 0;
}
