import { useEffect, useState } from 'react'

const env = import.meta.env

export function App({ user }) {
  const [items, setItems] = useState([])
  useEffect(() => {
    fetch(`${env.VITE_ITEMS_URL}/items?key=${env['VITE_ITEMS_KEY']}`).then((r) => r.json()).then(setItems) //: VITE_ITEMS_URL VITE_ITEMS_KEY
  }, [])
  if (items.length < 1) return <p>There's nothing yet.</p>
  return (
    <main data-tier={env.VITE_TIER || 'free'}>{/*: VITE_TIER? */}
      {items.map(({ env, ...item }) => <Item key={item.id} {...item} stage={item.stage} />)}
      <Chat token={user ? user.token : null} url={import.meta.env.VITE_CHAT_URL}>isn't {'"'} "quoted</Chat> {/*: VITE_CHAT_URL */}
    </main>
  )
}
