#include "mail/received.h"

#include "test.h"

static char text[NET_ADDRESS_TEXT_BYTES];

/* The address in the field's from-part as text, or "none". */
static struct text from_of(const char *body)
{
    struct net_address address;
    if (!received_from_address(text_from(body), &address))
        return TEXT("none");
    return text_from(net_address_literal(&address, text));
}

TEST("the client's address is found in what servers write")
{
    EXPECT_TEXT(from_of(" from mx.example.net ([192.0.2.1])\r\n\tby mx.example.org (mailroot) with "
                        "ESMTPS id 1; Fri, 20 Nov 2026 10:02:11 +0000\r\n"),
                "192.0.2.1");
    EXPECT_TEXT(from_of(" from a (mx.example.net [192.0.2.1] (unverified b))\r\n\tby c"),
                "192.0.2.1");
    EXPECT_TEXT(from_of("from helo (unknown [IPv6:2001:db8::1])\n by mx (Postfix)"),
                "IPv6:2001:db8::1");
    EXPECT_TEXT(from_of("from unknown (HELO 203.0.113.9) (192.0.2.1)\n  by mx with SMTP"),
                "192.0.2.1");
    EXPECT_TEXT(from_of("from a ([192.0.2.1] helo=b) by mx with esmtp (Exim 4)"), "192.0.2.1");
    EXPECT_TEXT(from_of("from a ([192.0.2.1]) by mx ([10.0.0.1]) with Microsoft SMTPSVC"),
                "192.0.2.1");
    EXPECT_TEXT(from_of("FROM a ([192.0.2.1]) BY mx"), "192.0.2.1");
}

TEST("what the client says of itself is no address of his")
{
    EXPECT_TEXT(from_of("from [203.0.113.9] (mx [192.0.2.1]) by mx"), "192.0.2.1");
    EXPECT_TEXT(from_of("from [203.0.113.9] by mx"), "none");
    EXPECT_TEXT(from_of("from 203.0.113.9 by mx"), "none");
    EXPECT_TEXT(from_of("from by ([192.0.2.1]) by mx ([10.0.0.1])"), "192.0.2.1");
}

TEST("a field without a from-part, or without an address there, has none")
{
    EXPECT_TEXT(from_of(""), "none");
    EXPECT_TEXT(from_of(" by mx.example.org ([192.0.2.1]); Fri, 20 Nov 2026 10:02:11 +0000"),
                "none");
    EXPECT_TEXT(from_of("from a (local) by mx ([192.0.2.1])"), "none");
    EXPECT_TEXT(from_of("(from a [192.0.2.1]"), "192.0.2.1");
    EXPECT_TEXT(from_of("from a ([192.0.2.256]) by mx"), "none");
    EXPECT_TEXT(from_of("from ([192.0.2.1]) by mx ([10.0.0.1])"), "192.0.2.1");
}
