// ImapFlow reads, flags, moves and hears of news. Arguments: port, user, password.
// Says "ok" at the end, or why not.
"use strict";
const { ImapFlow } = require(process.env.CLIENTS + "/imapflow");
const assert = require("assert");
const [port, user, pass] = process.argv.slice(2);

const client = () => new ImapFlow({
    host: "127.0.0.1", port: Number(port), secure: true, auth: { user, pass }, logger: false,
    tls: { rejectUnauthorized: false }, qresync: true,
});

const message = (subject) => Buffer.from(
    `From: a@example.test\r\nSubject: ${subject}\r\nContent-Type: multipart/mixed; boundary=b\r\n` +
    "\r\n--b\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--b\r\nContent-Type: text/html\r\n" +
    `Content-Transfer-Encoding: base64\r\n\r\n${Buffer.from("<b>second</b>").toString("base64")}` +
    "\r\n--b--\r\n");

async function subjects(one) {
    const found = [];
    for await (const { envelope } of one.fetch("1:*", { envelope: true }))
        found.push(envelope.subject);
    return found;
}

async function work(one, other) {
    await one.mailboxCreate("flow/deep");
    assert((await one.list()).some(({ path }) => path === "flow/deep"));
    for (const subject of ["one", "zwei \u00fc", "three"])
        await one.append("flow/deep", message(subject), ["\\Flagged", "$flow"]);
    const lock = await one.getMailboxLock("flow/deep");
    assert.equal(one.mailbox.exists, 3);
    const first = await one.fetchOne("1", { bodyStructure: true, flags: true, size: true });
    assert.deepEqual(first.bodyStructure.childNodes.map(({ type }) => type),
        ["text/plain", "text/html"]);
    assert(first.flags.has("$flow") && first.size === message("one").length);
    const { content } = await one.download("1", "2");
    const chunks = [];
    for await (const chunk of content)
        chunks.push(chunk);
    assert.equal(Buffer.concat(chunks).toString(), "<b>second</b>");
    assert.deepEqual(await one.search({ subject: "three" }), [3]);
    await hear(one, other);
    await one.messageMove("1:2", "INBOX");
    assert.deepEqual(await subjects(one), ["three", "four"]);
    lock.release();
}

// While one idles the other appends and flags.
async function hear(one, other) {
    const exists = new Promise((resolve) => one.once("exists", resolve));
    const flags = new Promise((resolve) => one.once("flags", resolve));
    const idle = one.idle();
    await other.append("flow/deep", message("four"));
    assert.equal((await exists).count, 4);
    const lock = await other.getMailboxLock("flow/deep");
    await other.messageFlagsAdd("4", ["\\Answered"]);
    assert((await flags).flags.has("\\Answered"));
    lock.release();
    await one.noop();
    await idle;
}

async function main() {
    const [one, other] = [client(), client()];
    await Promise.all([one.connect(), other.connect()]);
    await work(one, other);
    await Promise.all([one.logout(), other.logout()]);
    console.log("ok");
}

main().catch((error) => {
    console.log(error.stack, error.responseText || "");
    process.exit(1);
});
