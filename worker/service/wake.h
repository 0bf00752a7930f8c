/* wake.h - the loop's next pass. Any file of the service may ask for one; loop thread only. */
#ifndef SERVICE_WAKE_H
#define SERVICE_WAKE_H

struct service;

/* A queue was left before it was empty, or something came for one that this pass has looked at
 * already: another pass follows this one. May be asked for any number of times. */
void service_again(struct service *service);

#endif
