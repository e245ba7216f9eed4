// Loaded into Thunderbird by tests/system/thunderbird.py: what a person does with its windows, each
// as a function that ends when Thunderbird says that it is done. A message is named by its subject.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { AccountConfig } = ChromeUtils.importESModule(
    "resource:///modules/accountcreation/AccountConfig.sys.mjs");
const { CreateInBackend } = ChromeUtils.importESModule(
    "resource:///modules/accountcreation/CreateInBackend.sys.mjs");

const SPECIAL = ["Inbox", "Drafts", "SentMail", "Trash", "Junk", "Archive", "Templates"];

// ---- finding things ----

const server = (type) => MailServices.accounts.allServers.find((one) => one.type === type);

function folder(path, type = "imap") {
    const found = server(type).rootFolder.descendants.find((one) => type === "imap"
        ? one.QueryInterface(Ci.nsIMsgImapMailFolder).onlineName === path
        : one.name === path);
    if (!found)
        throw new Error(`no folder ${path}`);
    return found;
}

function messages(place, subjects) {
    return subjects.map((subject) => {
        const found = [...place.messages].find((one) => one.mime2DecodedSubject === subject);
        if (!found)
            throw new Error(`no message ${subject} in ${place.name}`);
        return found;
    });
}

// ---- waiting for its ends ----

const hex = (status) => `0x${status.toString(16)}`;

// start(listener) begins an operation on a URL.
function untilUrlEnds(start) {
    return new Promise((resolve, reject) => start({
        QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
        OnStartRunningUrl() {},
        OnStopRunningUrl(url, status) {
            if (Components.isSuccessCode(status))
                resolve(true);
            else
                reject(new Error(`${url?.spec} ended with ${hex(status)}`));
        },
    }));
}

// start(listener) begins a copy, a move or a deletion.
function untilCopied(start) {
    return new Promise((resolve, reject) => start({
        QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
        onStartCopy() {},
        onProgress() {},
        setMessageKey() {},
        getMessageId: () => null,
        onStopCopy(status) {
            if (Components.isSuccessCode(status))
                resolve(true);
            else
                reject(new Error(`the copy ended with ${hex(status)}`));
        },
    }));
}

// ---- its windows ----

const window3 = () => Services.wm.getMostRecentWindow("mail:3pane")
    .document.getElementById("tabmail").currentAbout3Pane;

// ---- messages of its own ----

function identity(type) {
    return MailServices.accounts.getFirstIdentityForServer(server(type));
}

// A message written by a person is sent, or kept as a draft: mode is one of nsIMsgCompDeliverMode.
function untilSent(mode, type, { to, subject, body }) {
    const from = identity(type);
    const fields = Cc["@mozilla.org/messengercompose/composefields;1"]
        .createInstance(Ci.nsIMsgCompFields);
    fields.from = MailServices.headerParser.makeMimeAddress(from.fullName, from.email);
    fields.to = to;
    fields.subject = subject;
    fields.fcc = from.fccFolderURI;
    const { promise, resolve, reject } = Promise.withResolvers();
    const ended = (status) => Components.isSuccessCode(status)
        ? resolve(true) : reject(new Error(`${subject} ended with ${hex(status)}`));
    Cc["@mozilla.org/messengercompose/send;1"].createInstance(Ci.nsIMsgSend).createAndSendMessage(
        null, from, null, fields, false, false, mode, null, "text/plain", body, null, null, {
            QueryInterface: ChromeUtils.generateQI(["nsIMsgSendListener",
                "nsIMsgCopyServiceListener"]),
            onStartSending() {},
            onSendProgress() {},
            onStatus() {},
            onStopSending(id, status) {
                if (!Components.isSuccessCode(status))
                    ended(status);
            },
            onSendNotPerformed() { reject(new Error(`${subject} was not sent`)); },
            onTransportSecurityError() { reject(new Error("no TLS")); },
            onGetDraftFolderURI() {},
            onStartCopy() {},
            onProgress() {},
            setMessageKey() {},
            getMessageId: () => null,
            onStopCopy: ended,
        }, "", "", Ci.nsIMsgCompType.New);
    return promise;
}

// ---- what tests call ----

export const driver = {
    trust(certificate) {
        Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB)
            .addCertFromBase64(certificate, "CT,,");
    },

    // An account as its own assistant makes it. incoming, outgoing: of AccountConfig.
    async addAccount(address, incoming, outgoing) {
        const config = new AccountConfig();
        config.rememberPassword = true;
        config.identity = { realname: address.split("@")[0], emailAddress: address };
        config.displayName = address;
        Object.assign(config.incoming, incoming);
        Object.assign(config.outgoing, outgoing);
        await CreateInBackend.createAccountInBackend(config);
        return true;
    },

    // ---- folders ----

    // {path: [uses]}
    folders() {
        return Object.fromEntries(server("imap").rootFolder.descendants.map((one) => [
            one.QueryInterface(Ci.nsIMsgImapMailFolder).onlineName,
            SPECIAL.filter((use) => one.getFlag(Ci.nsMsgFolderFlags[use])),
        ]));
    },

    discover() {
        return untilUrlEnds((listener) =>
            MailServices.imap.discoverAllFolders(server("imap").rootFolder, listener, null));
    },

    // As one who asks for new messages does; it may be at that already, so no end is told.
    update(path) { folder(path).updateFolder(null); },

    createFolder(parent, name) {
        (parent ? folder(parent) : server("imap").rootFolder).createSubfolder(name, null);
    },

    renameFolder(path, name) { folder(path).rename(name, null); },

    deleteFolder(path) { folder(path).deleteSelf(null); },

    subscribe(path, wanted) {
        const verb = wanted ? "subscribeFolder" : "unsubscribeFolder";
        return untilUrlEnds((listener) =>
            MailServices.imap[verb](server("imap").rootFolder, path, listener));
    },

    compact(path) {
        return untilUrlEnds((listener) => folder(path).compact(listener, null));
    },

    // ---- messages ----

    // {subject: {author, size, read, flagged, keywords, offline}}
    list(path, type) {
        return Object.fromEntries([...folder(path, type).messages].map((one) => [
            one.mime2DecodedSubject, {
                author: one.mime2DecodedAuthor, size: one.messageSize, read: one.isRead,
                flagged: one.isFlagged,
                keywords: one.getStringProperty("keywords").split(" ").filter(Boolean).sort(),
                offline: Boolean(one.flags & Ci.nsMsgMessageFlags.Offline),
            }]));
    },

    markRead(path, subjects, read) {
        folder(path).markMessagesRead(messages(folder(path), subjects), read);
    },

    star(path, subjects, starred) {
        folder(path).markMessagesFlagged(messages(folder(path), subjects), starred);
    },

    tag(path, subjects, keyword) {
        folder(path).addKeywordsToMessages(messages(folder(path), subjects), keyword);
    },

    untag(path, subjects, keyword) {
        folder(path).removeKeywordsFromMessages(messages(folder(path), subjects), keyword);
    },

    copy(from, subjects, to, move) {
        return untilCopied((listener) => MailServices.copy.copyMessages(folder(from),
            messages(folder(from), subjects), folder(to), move, listener, null, false));
    },

    remove(path, subjects) {
        return untilCopied((listener) => folder(path).deleteMessages(
            messages(folder(path), subjects), null, false, false, listener, false));
    },

    // Whether what is deleted goes to Trash, or stays with a mark until the folder is compacted.
    deleteTo(trash) {
        server("imap").QueryInterface(Ci.nsIImapIncomingServer).deleteModel = trash
            ? Ci.nsMsgImapDeleteModels.MoveToTrash : Ci.nsMsgImapDeleteModels.IMAPDelete;
    },

    upload(file, path) {
        const from = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
        from.initWithPath(file);
        return untilCopied((listener) => MailServices.copy.copyFileMessage(from, folder(path), null,
            false, Ci.nsMsgMessageFlags.Read, "", listener, null));
    },

    saveDraft(message) {
        return untilSent(Ci.nsIMsgCompDeliverMode.SaveAsDraft, "imap", message);
    },

    send(type, message) { return untilSent(Ci.nsIMsgCompDeliverMode.Now, type, message); },

    // The subjects that the server's own search finds. attribute: of nsMsgSearchAttrib.
    search(path, attribute, words) {
        const session = Cc["@mozilla.org/messenger/searchSession;1"]
            .createInstance(Ci.nsIMsgSearchSession);
        const term = session.createTerm();
        const value = term.value;
        value.attrib = Ci.nsMsgSearchAttrib[attribute];
        value.str = words;
        term.attrib = value.attrib;
        term.op = Ci.nsMsgSearchOp.Contains;
        term.value = value;
        session.appendTerm(term);
        session.addScopeTerm(Ci.nsMsgSearchScope.onlineMail, folder(path));
        const found = [];
        return new Promise((resolve, reject) => {
            session.registerListener({
                onNewSearch() {},
                onSearchHit: (hit) => found.push(hit.mime2DecodedSubject),
                onSearchDone: (status) => Components.isSuccessCode(status)
                    ? resolve(found.sort()) : reject(new Error(`no search: ${hex(status)}`)),
            }, Ci.nsIMsgSearchSession.allNotifications);
            session.search(null);
        });
    },

    // The bytes of a message, one character each: from the server, or kept here.
    source(path, subject) {
        const [one] = messages(folder(path), [subject]);
        const uri = folder(path).getUriForMsg(one);
        const parts = [];
        return new Promise((resolve, reject) =>
            MailServices.messageServiceFromURI(uri).streamMessage(uri, {
                QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
                onStartRequest() {},
                onDataAvailable(request, stream, offset, count) {
                    const binary = Cc["@mozilla.org/binaryinputstream;1"]
                        .createInstance(Ci.nsIBinaryInputStream);
                    binary.setInputStream(stream);
                    parts.push(binary.readBytes(count));
                },
                onStopRequest: (request, status) => Components.isSuccessCode(status)
                    ? resolve(parts.join("")) : reject(new Error(`no source: ${hex(status)}`)),
            }, null, null, false, ""));
    },

    // ---- in the window ----

    show(path, subject) {
        const [wanted] = messages(folder(path), [subject]);
        window3().displayFolder(folder(path).URI);
        window3().selectMessage(wanted);
    },

    // What is to be seen of the message that was chosen.
    shown() {
        const pane = window3().messageBrowser.contentWindow;
        const page = pane.getMessagePaneBrowser().contentDocument;
        return { subject: pane.document.getElementById("expandedsubjectBox")?.textContent,
            text: page.body?.textContent ?? "",
            attachments: pane.currentAttachments.map((one) => one.name) };
    },

    // ---- without the server ----

    useCondstore(wanted) {
        server("imap").QueryInterface(Ci.nsIImapIncomingServer).useCondStore = wanted;
    },

    goOffline() { Services.io.offline = true; },

    goOnline() {
        Cc["@mozilla.org/messenger/offline-manager;1"].getService(Ci.nsIMsgOfflineManager)
            .goOnline(false, true, null);
    },

    // ---- POP3 ----

    fetchByPop() {
        return untilUrlEnds((listener) => MailServices.pop3.GetNewMail(null, listener,
            folder("Inbox", "pop3"), server("pop3")));
    },
};
