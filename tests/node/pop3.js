// node-pop3 lists, reads and deletes. Arguments: port, user, password, the subject that must be there.
"use strict";
const Pop3Command = require(process.env.CLIENTS + "/node-pop3");
const assert = require("assert");
const [port, user, password, subject] = process.argv.slice(2);

async function main() {
    const pop3 = new Pop3Command({
        user, password, host: "127.0.0.1", port: Number(port), tls: true, timeout: 20000,
        tlsOptions: { rejectUnauthorized: false },
    });
    const listed = await pop3.UIDL();
    assert(listed.length > 0);
    const number = listed[listed.length - 1][0];
    assert((await pop3.RETR(number)).includes(`Subject: ${subject}`));
    assert((await pop3.TOP(number, 0)).includes(`Subject: ${subject}`));
    assert.equal((await pop3.LIST()).length, listed.length);
    await pop3.command("DELE", number);
    await pop3.QUIT();
    console.log("ok");
}

main().catch((error) => {
    console.log(error.stack);
    process.exit(1);
});
