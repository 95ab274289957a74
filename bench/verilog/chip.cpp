// Runs a program on the Verilated chip: replays the frames that load it, then starts it again and again.
//
// Arguments: files of the frames that load, start and ask for the status; runs; cycles that the program must take.
// Prints one line: simulated cycles per second from the first start to the last end.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "Vtop.h"
#include "macros.h"
#include "verilated.h"

// Verilator spells a double underscore in a port name as ___05F.
static Vtop top;
static long cycles = 0;

static void tick() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
    cycles++;
}

static std::vector<char> content(const char* path) {
    std::ifstream file(path, std::ios::binary);
    return std::vector<char>(std::istreambuf_iterator<char>(file), {});
}

static void send(const std::vector<char>& frames) {
    for (size_t at = 0; at < frames.size(); at += BEAT_BYTES) {
        std::memcpy(&top.rx___05Fpayload[0], &frames[at], BEAT_BYTES);
        top.rx___05Fvalid = 1;
        top.clk = 0;
        top.eval();
        while (!top.rx___05Fready) {
            tick();
            top.clk = 0;
            top.eval();
        }
        tick();
    }
    top.rx___05Fvalid = 0;
}

// Cycle count that the chip reports: bytes 8 to 15 of the payload, the second beat of the answer.
static long reported(const std::vector<char>& status) {
    send(status);
    uint64_t count = 0;
    for (int beat = 0; beat < 2;) {
        tick();
        if (!top.tx___05Fvalid) continue;
        std::memcpy(&count, reinterpret_cast<const char*>(&top.tx___05Fpayload[0]) + 8, sizeof count);
        beat++;
    }
    return count;
}

int main(int, char** arguments) {
    const std::vector<char> load = content(arguments[1]), start = content(arguments[2]), status = content(arguments[3]);
    const int runs = std::atoi(arguments[4]);
    const long expected = std::atol(arguments[5]);
    top.tx___05Fready = 1;
    top.rst = 1;
    for (int n = 0; n < 4; n++) tick();
    top.rst = 0;
    send(load);
    for (int n = 0; n < 1000; n++) tick();
    cycles = 0;
    const auto begin = std::chrono::steady_clock::now();
    for (int n = 0; n < runs; n++) {
        send(start);
        while (!top.running) tick();
        while (top.running) tick();
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const long found = reported(status);
    if (found != expected) {
        std::fprintf(stderr, "the program must take %ld cycles, not %ld\n", expected, found);
        return 1;
    }
    std::printf("%.0f\n", cycles / seconds);
}
