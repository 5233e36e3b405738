/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passphrases: their length, what is common, what repeats, what is near to the person. */
#include "policy/passphrase.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "policy/utf8.h"

#define LETTERS_LEAST 6          /* different ones */
#define OWN_LEAST 8              /* letters and digits that are not in a known word */

/* Letters and digits in lower case: what is left of "Pass-Word 2026!" is "password2026". */
struct plain { char s[PASSPHRASE_BYTES + 1]; size_t n; };

static void plain_of(const char *s, size_t len, struct plain *out)
{
    out->n = 0;
    for (size_t i = 0; i < len && out->n < PASSPHRASE_BYTES; i++)
        if (isalnum((unsigned char)s[i]) || (unsigned char)s[i] >= 0x80)
            out->s[out->n++] = (char)tolower((unsigned char)s[i]);
    out->s[out->n] = '\0';
}

/* What is tried first, written without spaces: worth nothing in a passphrase. */
static const char *const common[] = {
    "abcdefghijklmn", "accountpassword", "administrator", "allyourbasearebelong", "asdfghjkl",
    "basketballbaseball", "changemechangeme", "companypassword", "correcthorsebattery",
    "customsbroker", "dontforgetmypassword", "footballfootball", "fourscoreandseven",
    "helloworldhello", "howdoyoudo", "ihatepasswords", "iloveyou", "imissyou", "importexport",
    "inthebeginning", "iwillalwayslove", "letmein", "livelaughlove", "maytheforcebewithyou",
    "monkeymonkey", "mynameis", "mypassphrase", "mypassword", "neverguess", "neverguessmypassword",
    "onceuponatime", "onetwothreefour", "openthedoor", "opensesame", "ourfatherwhoart", "passphrase",
    "password", "pleaseletmein", "princessprincess", "qazwsxedc", "qwerty", "secretpassword",
    "securepassword", "somethingsecret", "summerwinter", "sunshinesunshine", "superman",
    "temporarypassword", "thecakeisalie", "thequickbrownfox", "thisisapassphrase", "thisisapassword",
    "thisismypassword", "thisissecret", "tobeornottobe", "trustno1", "twinkletwinkle", "welcome",
    "winniethepooh", "yourpassword", "zaqxswcde", "zxcvbnm",
};

/* "mariamariamaria": the first `unit` bytes, again and again. */
static bool repeats(const struct plain *p)
{
    for (size_t unit = 1; unit <= p->n / 2 && unit < PASSPHRASE_LEAST; unit++) {
        size_t i = unit;
        while (i < p->n && p->s[i] == p->s[i - unit])
            i++;
        if (i == p->n)
            return true;
    }
    return false;
}

/* "aaaa", "1234", "zyxw", or next to each other on a keyboard. */
static bool follows(char a, char b)
{
    static const char rows[] = "1234567890 qwertyuiop asdfghjkl zxcvbnm";
    const char *at = strchr(rows, a);

    return b == a || b == a + 1 || b == a - 1 || (at && (at[1] == b || (at > rows && at[-1] == b)));
}

static bool runs(const struct plain *p)
{
    size_t n = 0;

    for (size_t i = 1; i < p->n; i++)
        n += follows(p->s[i - 1], p->s[i]);
    return 3 * n >= 2 * p->n;
}

static size_t different(const char *s, size_t len)
{
    bool seen[256] = {false};
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        n += !seen[(unsigned char)s[i]];
        seen[(unsigned char)s[i]] = true;
    }
    return n;
}

static void take_word(struct plain *p, const char *word, size_t n)
{
    for (char *found; (found = strstr(p->s, word)) != NULL; p->n -= n)
        memmove(found, found + n, strlen(found + n) + 1);
}

/* Is there hardly anything in it but what is tried first? */
static bool is_common(struct plain p)
{
    size_t before = p.n;

    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        take_word(&p, common[i], strlen(common[i]));
    return p.n < before && p.n < OWN_LEAST;
}

/* Takes each word of `text` (of four letters or more) out of p. */
static void take_out(struct plain *p, const char *text)
{
    struct plain word;

    while (*text) {
        size_t n = strcspn(text, " .,_-");
        plain_of(text, n, &word);
        if (word.n >= 4)
            take_word(p, word.s, word.n);
        text += n;
        text += *text != '\0';
    }
}

/* Is there hardly anything in it but words that others know of the person? */
static bool is_near(struct plain p, const char *const *near)
{
    size_t before = p.n;

    for (; *near; near++)
        take_out(&p, *near);
    return p.n < before && p.n < OWN_LEAST;
}

/* Characters; 0 when one of them is none, or a control character. */
static size_t characters(const char *s, size_t len)
{
    size_t n = 0;
    uint32_t cp;

    for (size_t at = 0, step; at < len; at += step, n++) {
        step = utf8_char((const uint8_t *)s + at, len - at, &cp);
        if (step == 0 || cp < 0x20 || cp == 0x7f)
            return 0;
    }
    return n;
}

const char *passphrase_fault(const char *s, size_t len, const char *const *near)
{
    size_t n = characters(s, len);
    struct plain p;

    if (len > PASSPHRASE_BYTES)
        return "It is too long: at most 256 bytes.";
    if (n == 0 && len > 0)
        return "It holds a character that cannot be typed everywhere.";
    if (n < PASSPHRASE_LEAST)
        return "It is too short: at least 15 characters, for example four or five words.";
    plain_of(s, len, &p);
    if (different(s, len) < LETTERS_LEAST || repeats(&p) || runs(&p))
        return "It repeats itself or follows the keyboard.";
    if (is_near(p, near))
        return "It is made of names that others know.";
    return is_common(p) ? "It is among those that are tried first." : NULL;
}
