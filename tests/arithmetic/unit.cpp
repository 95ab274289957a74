// Streams operands through one VXM ALU: one instruction, a row of 16 lanes in every cycle.
//
// Standard input: the instruction (16 bytes), its latency and the number of rows (32 bits each), then the operands of
// every row, 16 of `a` and 16 of `b` (32 bits each). Standard output: the results of every row, 32 bits each.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "Vtop.h"
#include "verilated.h"

constexpr int LANES = 16;

static Vtop top;

static void take(void* to, size_t bytes) {
    if (std::fread(to, 1, bytes, stdin) != bytes) std::exit(2);
}

// Byte plane p of 16 elements, as a stream carries it.
template <typename Port>
static void offer(Port& port, const uint32_t* elements, int p) {
    for (int w = 0; w < LANES / 4; w++) {
        uint32_t word = 0;
        for (int n = 0; n < 4; n++) word |= (elements[4 * w + n] >> (8 * p) & 255) << (8 * n);
        port[w] = word;
    }
}

int main() {
    uint32_t word[4], latency, rows;
    take(word, sizeof word);
    take(&latency, sizeof latency);
    take(&rows, sizeof rows);
    std::vector<uint32_t> operands(2 * LANES * size_t(rows));
    take(operands.data(), operands.size() * sizeof(uint32_t));
    top.rst = 0;
    top.clear = 0;
    // bit 0 of the control port is `valid`, the word follows
    for (int n = 0; n < 3; n++) top.control[n] = word[n] << 1 | (n ? word[n - 1] >> 31 : 1);
    for (uint32_t cycle = 0; cycle < rows + latency; cycle++) {
        const uint32_t* row = &operands[2 * LANES * size_t(cycle < rows ? cycle : rows - 1)];
        offer(top.a0_data, row, 0), offer(top.a1_data, row, 1);
        offer(top.a2_data, row, 2), offer(top.a3_data, row, 3);
        offer(top.b0_data, row + LANES, 0), offer(top.b1_data, row + LANES, 1);
        offer(top.b2_data, row + LANES, 2), offer(top.b3_data, row + LANES, 3);
        top.clk = 0;
        top.eval();
        if (cycle >= latency) std::fwrite(&top.result[0], sizeof(uint32_t), LANES, stdout);
        top.clk = 1;
        top.eval();
    }
    return 0;
}
