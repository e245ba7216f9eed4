/* What is known of a user or a group besides being there: who he is, where his mail goes, who may
 * send to him, and how much. One table. A value is text; "" means that there is none. */
#ifndef DIRECTORY_ATTRIBUTE_H
#define DIRECTORY_ATTRIBUTE_H

#include "directory/directory.h"

enum attribute {
    /* Of a person; what search filters and address templates are about. */
    ATTRIBUTE_DISPLAY_NAME,
    ATTRIBUTE_GIVEN_NAME,
    ATTRIBUTE_INITIALS,
    ATTRIBUTE_SURNAME,
    ATTRIBUTE_TITLE,
    ATTRIBUTE_DEPARTMENT,
    ATTRIBUTE_COMPANY,
    ATTRIBUTE_OFFICE,
    ATTRIBUTE_CITY,
    ATTRIBUTE_COUNTRY,
    ATTRIBUTE_EMPLOYEE_TYPE,
    /* Of a user. */
    ATTRIBUTE_FORWARD_TO,
    ATTRIBUTE_FORWARD_KEEP,
    ATTRIBUTE_SEND_LIMIT,
    ATTRIBUTE_RECIPIENT_LIMIT,
    ATTRIBUTE_PRIMARY_ADDRESS,
    /* Of both. */
    ATTRIBUTE_ACCEPT_FROM,
    ATTRIBUTE_REJECT_FROM,
    ATTRIBUTE_REQUIRE_LOGIN,
    ATTRIBUTE_RECEIVE_LIMIT,
    /* Of a group. */
    ATTRIBUTE_FILTER,
    ATTRIBUTE_OWNER,
    ATTRIBUTE_REPORTS_TO,
    ATTRIBUTE_HIDE_MEMBERS,
    ATTRIBUTE_EXPAND_AT,
    ATTRIBUTES
};

/* Who hears what becomes of mail to a group. */
enum reports_to { REPORTS_TO_SENDER, REPORTS_TO_OWNER, REPORTS_TO_NOBODY };

const char *attribute_name(enum attribute which);
const char *attribute_help(enum attribute which);
/* By our name; ATTRIBUTES when there is none. */
enum attribute attribute_find(struct text name);
/* What has attributes. A contact is an address of another domain that the directory knows something
 * of: somebody elsewhere, of another organisation for example. */
enum attribute_object { OBJECT_USER = 1, OBJECT_GROUP = 2, OBJECT_CONTACT = 4 };
bool attribute_is_of(enum attribute which, enum attribute_object object);
/* What an address (key form) is, or may be made by giving it an attribute; 0: nothing. */
enum attribute_object attribute_object(struct directory *directory, struct text key);

/* All values of one object, in arena. */
struct attributes {
    struct text values[ATTRIBUTES];
};
/* Does not yield. */
void attributes_load(struct directory *directory, struct text key, struct arena *arena,
                     struct attributes *out);
/* Each contact. visit must not yield. */
typedef void contact_visit(void *context, struct text key, const struct attributes *attributes);
void contacts_list(struct directory *directory, contact_visit *visit, void *context);
bool attributes_flag(const struct attributes *attributes, enum attribute which);
/* False when it has no value: what holds for all holds then. */
bool attributes_number(const struct attributes *attributes, enum attribute which, uint64_t *out);
enum reports_to attributes_reports_to(const struct attributes *attributes);

/* Give an object the value, or with "" none. REFUSED: there is no such object, the attribute is not
 * for its kind, or the value is malformed (with the remedy). On stable storage when OK. YIELDS. */
enum status attribute_set(struct directory *directory, struct text key, enum attribute which,
                          struct text value);
/* The same regardless of what there is, within a change; the value is in its final form. YIELDS. */
enum status attribute_commit(struct directory *directory, struct text key, enum attribute which,
                             struct text value);
/* As it is kept, in arena. REFUSED with the remedy. Does not yield. */
enum status attribute_normalise(const struct directory *directory, enum attribute which,
                                struct text value, struct arena *arena, struct text *out);

/* What a filter asks about a user, by our names or those of LDAP (givenName, sn, mail, ...). */
struct attribute_entry {
    struct text key;
    struct attributes attributes;
};
bool attribute_look_up(void *entry, struct text name, unsigned number, struct text *value);
/* REFUSED with the name that no user has. */
enum status attribute_check_query(struct text filter, struct arena *arena);

#endif
