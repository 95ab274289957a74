// Times one int8 array of SIZE x SIZE cells of 16 x 16: the yardstick, or a plane of the chip's MXM.
//
// Loads random weights, checks the products of a few activation vectors against sums made here, then times cycles
// with a new activation vector in each. Prints one line: simulated cycles per second.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "Vtop.h"
#include "macros.h"
#include "verilated.h"

constexpr int LANES = LANES_PER_CELL * SIZE;
constexpr int BLOCKS = LANES / STREAMS;
constexpr int VECTORS = 64;

static Vtop top;
static int8_t weights[LANES][LANES];  // [column][row]
static int8_t activations[VECTORS][LANES];

static void tick() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
}

// Sets `count` bits from bit `offset` on; Verilator keeps wide ports in 32-bit words.
static void set_bits(uint32_t* port, int offset, int count, const void* value) {
    const uint8_t* bytes = static_cast<const uint8_t*>(value);
    for (int n = 0; n < count; n++) {
        const uint32_t bit = bytes[n / 8] >> (n % 8) & 1;
        uint32_t& word = port[(offset + n) / 32];
        word = (word & ~(1u << ((offset + n) % 32))) | bit << ((offset + n) % 32);
    }
}

#ifdef PLANE
// The plane takes one packed feed per row; the offsets of its parts come from the layout in the hardware's source.
constexpr int FEED_WORDS = (FEED_BITS + 31) / 32;
static uint32_t images[VECTORS][SIZE][FEED_WORDS];
static uint32_t* feed(int k) {
    uint32_t* feeds[] = {FEEDS};
    return feeds[k];
}
static int32_t product(int column) {
    const uint32_t* products[] = {PRODUCTS};
    return products[column / 16][column % 16];
}
static void control(int activate, int install, int load, int block) {
    for (int k = 0; k < SIZE; k++) {
        set_bits(feed(k), FEED_ACTIVATE, 1, &activate);
        set_bits(feed(k), FEED_INSTALL, 1, &install);
        set_bits(feed(k), FEED_LOAD, 1, &load);
        set_bits(feed(k), FEED_BLOCK, BLOCK_BITS, &block);
        for (int s = 0; s < STREAMS; s++)
            set_bits(feed(k), FEED_WEIGHTS + 128 * s, 128, &weights[block * STREAMS + s][16 * k]);
    }
}
static void prepare() {
    const int one = 1;
    for (int v = 0; v < VECTORS; v++)
        for (int k = 0; k < SIZE; k++) {
            set_bits(images[v][k], FEED_ACTIVATE, 1, &one);
            set_bits(images[v][k], FEED_ACTIVATIONS, 128, &activations[v][16 * k]);
        }
}
static void offer(int v) {
    for (int k = 0; k < SIZE; k++) std::memcpy(feed(k), images[v][k], sizeof images[v][k]);
}
#else
static int32_t product(int column) { return top.products[column]; }
static void control(int activate, int install, int load, int block) {
    for (int k = 0; k < SIZE; k++) {
        for (int s = 0; s < STREAMS; s++)
            set_bits(&top.weights[0], 128 * (k * STREAMS + s), 128, &weights[block * STREAMS + s][16 * k]);
    }
    uint32_t blocks = 0;
    for (int k = 0; k < SIZE; k++) blocks |= block << (k * BLOCK_BITS);
    top.block = blocks;
    top.activate = activate ? (1 << SIZE) - 1 : 0;
    top.install = install ? (1 << SIZE) - 1 : 0;
    top.load = load ? (1 << SIZE) - 1 : 0;
}
static void prepare() {}
static void offer(int v) { std::memcpy(&top.activations[0], activations[v], LANES); }
#endif

// Loads and installs all weights; each control is held until it has reached the last column of cells.
static void load_weights() {
    for (int block = 0; block < BLOCKS; block++) {
        control(0, 0, 1, block);
        tick();
    }
    control(0, 0, 0, 0);
    for (int n = 0; n <= SIZE; n++) tick();
    control(0, 1, 0, 0);
    tick();
    control(0, 0, 0, 0);
    for (int n = 0; n <= SIZE; n++) tick();
}

// A vector held long enough to pass the whole array gives one product, whatever the latency.
static bool is_right(int v) {
    for (int n = 0; n < 4 * SIZE + 4; n++) {
        offer(v);
        tick();
    }
    for (int column = 0; column < LANES; column++) {
        int32_t sum = 0;
        for (int row = 0; row < LANES; row++) sum += activations[v][row] * weights[column][row];
        if (product(column) != sum) return false;
    }
    return true;
}

static double cycles_per_second(long cycles) {
    const auto start = std::chrono::steady_clock::now();
    for (long n = 0; n < cycles; n++) {
        offer(n % VECTORS);
        tick();
    }
    return cycles / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int main(int, char** arguments) {
    const long cycles = std::atol(arguments[1]);
    std::srand(1);
    for (auto& column : weights)
        for (auto& weight : column) weight = std::rand() >> 8;
    for (auto& vector : activations)
        for (auto& activation : vector) activation = std::rand() >> 8;
#ifdef PLANE
    top.rst = 0;
#endif
    prepare();
    load_weights();
    control(1, 0, 0, 0);
    for (int v = 0; v < 8; v++)
        if (!is_right(v)) {
            std::fprintf(stderr, "product of vector %d is wrong\n", v);
            return 1;
        }
    std::printf("%.0f\n", cycles_per_second(cycles));
}
