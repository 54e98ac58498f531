package app

import "context"

// MakeToken gives the token of a client for the HTTP address, making it if there is none.
func (a *App) MakeToken(ctx context.Context, client string) (secret string, err error) {
	t, err := a.tokens.Get(client)
	if err != nil {
		return "", err
	}
	a.log.InfoContext(ctx, "token given by hand", "client", client)
	token(a.poke)
	return t.Secret, nil
}

// RevokeToken makes a client's token useless, and ends what the client has open.
func (a *App) RevokeToken(ctx context.Context, client string) error {
	if err := a.tokens.Revoke(client); err != nil {
		return err
	}
	a.server.ShutOut()
	a.log.InfoContext(ctx, "token revoked by hand", "client", client)
	token(a.poke)
	return nil
}
