// One pass of simdjson over a results file: CPU seconds to load it, to index it, and to read every id, box and score.
//   g++ -O3 -march=native -std=c++17 simdjson_floor.cpp -lsimdjson -o floor && ./floor results.json
#include <simdjson.h>

#include <cstdio>
#include <ctime>

static double cpu() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

int main(int, char **arguments) {
  double start = cpu();
  simdjson::padded_string text = simdjson::padded_string::load(arguments[1]);
  double loaded = cpu();
  simdjson::ondemand::parser parser;
  double sum = 0;
  size_t count = 0;
  simdjson::ondemand::document document = parser.iterate(text);
  double indexed = cpu();
  for (simdjson::ondemand::object detection : document.get_array()) {
    for (auto field : detection) {
      std::string_view key = field.unescaped_key();
      if (key == "image_id" || key == "category_id") {
        sum += double(int64_t(field.value().get_int64()));
      } else if (key == "score") {
        sum += double(field.value());
      } else if (key == "bbox") {
        for (double side : field.value().get_array()) sum += side;
      }
    }
    count += 1;
  }
  double end = cpu();
  std::printf(
      "{\"detections\": %zu, \"load\": %.3f, \"index\": %.3f, \"read\": %.3f, \"all\": %.3f, \"sum\": %.17g}\n", count,
      loaded - start, indexed - loaded, end - indexed, end - start, sum);
}
