// Runs a program on the chip under Icarus: the frames of load.hex and start.hex, then +cycles=N cycles.
`timescale 1ns / 1ns
module bench;
    reg clk = 0, rst = 0, valid = 0;
    reg [127:0] payload = 0;
    wire ready;
    wire running;
    reg [127:0] load[0:65535];
    reg [127:0] start[0:15];
    integer at, cycles;

    takt chip (
        .clk(clk), .rst(rst), .rx__payload(payload), .rx__valid(valid), .rx__ready(ready), .tx__ready(1'b1),
        .running(running)
    );
    always #5 clk = ~clk;

    task send(input [127:0] beat);
        begin
            payload = beat;
            valid = 1;
            #1;
            while (ready !== 1'b1) @(negedge clk);
            @(negedge clk);
            valid = 0;
        end
    endtask

    initial begin
        if (!$value$plusargs("cycles=%d", cycles)) cycles = 0;
        $readmemh("load.hex", load);
        $readmemh("start.hex", start);
        @(negedge clk) rst = 1;
        repeat (4) @(negedge clk);
        rst = 0;
        for (at = 0; ^load[at] !== 1'bx; at = at + 1) send(load[at]);
        for (at = 0; ^start[at] !== 1'bx; at = at + 1) send(start[at]);
        while (running !== 1'b1) @(negedge clk);
        $display("started");
        repeat (cycles) @(negedge clk);
        $finish;
    end
endmodule
