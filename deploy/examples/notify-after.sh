#!/bin/sh
# A handler for Curfew, mode after: tells a web service how the sessions of a command ended (docs/handler.md).
#
#     handler:
#       program: /usr/local/lib/curfew/notify-after.sh
#       mode: after
#       environment:
#         PATH: /usr/bin:/bin
#         URL: https://chat.example.org/hooks/curfew
#         TOKEN_FILE: /etc/curfew/chat-token      # optional: one line, sent as a bearer token
#
# The request is posted as it is. After a crash of the worker it may come a second time: the pair of command.id and
# attempt tells. When this fails, the command says so in its reason; verdicts do not change.
set -eu
: "${URL:?the environment of the handler names no URL}"

post() { # the request stands on standard input
    curl --silent --show-error --fail --max-time 20 --header 'Content-Type: application/json' "$@" --data-binary @- \
        --output /dev/null "$URL"
}

if [ -n "${TOKEN_FILE:-}" ]; then
    # The token goes through a descriptor: an argument could be seen by every user of this machine.
    post --config /dev/fd/3 3<<END
header = "Authorization: Bearer $(head -n 1 "$TOKEN_FILE")"
END
else
    post
fi
