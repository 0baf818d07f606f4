// SPDX-License-Identifier: GPL-2.0-only
#include "fou.h"

#include <arpa/inet.h>
#include <linux/fou.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "errtext.h"

const char *fou_error(void)
{
	return error_text;
}

static struct nl_msg *request(int family, int flags, unsigned char command, unsigned char version)
{
	struct genlmsghdr head = {.cmd = command, .version = version};
	struct nl_msg *msg = nlmsg_alloc_simple(family, flags);

	if (msg && nlmsg_append(msg, &head, sizeof(head), NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

static int take_id(struct nl_msg *msg, void *id)
{
	struct nlattr *attr = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, CTRL_ATTR_FAMILY_ID);

	if (attr)
		*(int *)id = nla_get_u16(attr);
	return NL_OK;
}

/* The number the kernel has given the family, 0 if it has none of the name. */
static int find_family(struct nl_sock *sock, const char *name)
{
	struct nl_msg *msg =
		request(GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, CTRL_CMD_GETFAMILY, 1);
	int id = 0;

	if (!msg || nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, name)) {
		nlmsg_free(msg);
		return 0;
	}
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, take_id, &id);
	if (nl_send_sync(sock, msg) < 0)
		return 0;
	return id;
}

int fou_take_gue(int family, unsigned short port)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg = NULL;
	int err = -NLE_NOMEM, id = 0;

	if (sock)
		err = nl_connect(sock, NETLINK_GENERIC);
	if (!err) {
		id = find_family(sock, FOU_GENL_NAME);
		err = id ? 0 : -NLE_OBJ_NOTFOUND;
	}
	if (!err) {
		msg = request(id, NLM_F_REQUEST | NLM_F_ACK, FOU_CMD_ADD, FOU_GENL_VERSION);
		err = !msg || nla_put_u16(msg, FOU_ATTR_PORT, htons(port)) ||
				      nla_put_u8(msg, FOU_ATTR_AF, family) ||
				      nla_put_u8(msg, FOU_ATTR_TYPE, FOU_ENCAP_GUE)
			      ? -NLE_NOMEM
			      : nl_send_sync(sock, msg);
	}
	nl_socket_free(sock);
	return err < 0 ? fail("a receiver of GUE on port %u: %s; is the module fou loaded?", port,
			      nl_geterror(err))
		       : 0;
}
