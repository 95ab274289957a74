// The yardstick: an int8 array of the same multiply-accumulates as one MXM plane, written by hand to simulate fast.
//
// What makes it fast under Verilator, each found by trying (docs/design/verilog.md has the figures):
//   * weights are kept sign-extended in 32 bits, so a product is one multiplication and nothing else;
//   * every register stands behind its enable;
//   * sums have 32 bits, so no C++ type is wider than the machine's vector elements;
//   * one block assigns in the order old value first, so nothing is copied for later.

// One 16 x 16 cell: activations go on to the right after one cycle, sums come from below and leave after two.
module cell16 #(
    parameter int BLOCK_BITS = 1,
    parameter int STREAMS = 8,  // weight columns that one load takes
    parameter int COLUMN = 0  // place in the row of cells
) (
    input logic clk,
    input logic activate,
    input logic [127:0] activations,
    input logic install,
    input logic load,
    input logic [BLOCK_BITS-1:0] block,
    input logic [STREAMS*128-1:0] weights,
    input logic [511:0] below,
    output logic next_activate,
    output logic [127:0] next_activations,
    output logic next_install,
    output logic next_load,
    output logic [BLOCK_BITS-1:0] next_block,
    output logic [STREAMS*128-1:0] next_weights,
    output logic [511:0] sums,
    output logic valid
);
    localparam int BLOCKS = 16 / STREAMS;
    logic signed [31:0] loaded[16][16];
    logic signed [31:0] installed[16][16];
    int dots[16];
    logic multiplied;

    always @(posedge clk) begin
        valid <= multiplied;
        if (multiplied) for (int c = 0; c < 16; c++) sums[c*32+:32] <= below[c*32+:32] + dots[c];
        multiplied <= activate;
        if (activate)
            for (int c = 0; c < 16; c++)
                dots[c] = $signed(activations[0+:8]) * installed[0][c] + $signed(activations[8+:8]) * installed[1][c]
                    + $signed(activations[16+:8]) * installed[2][c] + $signed(activations[24+:8]) * installed[3][c]
                    + $signed(activations[32+:8]) * installed[4][c] + $signed(activations[40+:8]) * installed[5][c]
                    + $signed(activations[48+:8]) * installed[6][c] + $signed(activations[56+:8]) * installed[7][c]
                    + $signed(activations[64+:8]) * installed[8][c] + $signed(activations[72+:8]) * installed[9][c]
                    + $signed(activations[80+:8]) * installed[10][c] + $signed(activations[88+:8]) * installed[11][c]
                    + $signed(activations[96+:8]) * installed[12][c] + $signed(activations[104+:8]) * installed[13][c]
                    + $signed(activations[112+:8]) * installed[14][c] + $signed(activations[120+:8]) * installed[15][c];
        if (install) installed = loaded;
        if (load && int'(block) / BLOCKS == COLUMN)
            for (int s = 0; s < STREAMS; s++)
                for (int r = 0; r < 16; r++)
                    loaded[r][int'(block)%BLOCKS*STREAMS+s] = $signed(weights[(s*16+r)*8+:8]);
        next_activate <= activate;
        next_install <= install;
        next_load <= load;
        if (activate) next_activations <= activations;
        if (load) begin
            next_block <= block;
            next_weights <= weights;
        end
    end
endmodule

// SIZE x SIZE cells. Row k takes its inputs k cycles after row 0; column j answers j cycles after column 0.
module yardstick #(
    parameter int SIZE = 1,
    parameter int STREAMS = 8,
    parameter int BLOCK_BITS = 1
) (
    input logic clk,
    input logic [SIZE-1:0] activate,
    input logic [SIZE*128-1:0] activations,
    input logic [SIZE-1:0] install,
    input logic [SIZE-1:0] load,
    input logic [SIZE*BLOCK_BITS-1:0] block,
    input logic [SIZE*STREAMS*128-1:0] weights,
    output logic [SIZE*512-1:0] products
);
    for (genvar k = 0; k < SIZE; k++) begin : row
        for (genvar j = 0; j < SIZE; j++) begin : column
            logic next_activate, next_install, next_load, valid;
            logic [127:0] next_activations;
            logic [BLOCK_BITS-1:0] next_block;
            logic [STREAMS*128-1:0] next_weights;
            logic [511:0] sums, below;
            if (k == 0) assign below = '0;
            else assign below = row[k-1].column[j].sums;
            if (j == 0)
                cell16 #(.BLOCK_BITS(BLOCK_BITS), .STREAMS(STREAMS), .COLUMN(j)) cell_ (
                    .activate(activate[k]), .activations(activations[k*128+:128]), .install(install[k]),
                    .load(load[k]), .block(block[k*BLOCK_BITS+:BLOCK_BITS]),
                    .weights(weights[k*STREAMS*128+:STREAMS*128]), .*);
            else
                cell16 #(.BLOCK_BITS(BLOCK_BITS), .STREAMS(STREAMS), .COLUMN(j)) cell_ (
                    .activate(row[k].column[j-1].next_activate),
                    .activations(row[k].column[j-1].next_activations),
                    .install(row[k].column[j-1].next_install), .load(row[k].column[j-1].next_load),
                    .block(row[k].column[j-1].next_block), .weights(row[k].column[j-1].next_weights), .*);
        end
    end
    for (genvar j = 0; j < SIZE; j++) assign products[j*512+:512] = row[SIZE-1].column[j].sums;
endmodule
